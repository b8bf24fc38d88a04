variable "project" {
  description = "Id of the Google Cloud project that holds everything and is billed."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 small letters, digits and hyphens, such as music-tags."
  }
}

variable "location" {
  description = "Where buckets and dataset are: a multi-region such as EU, or a region such as europe-west1."
  type        = string
  default     = "EU"

  validation {
    condition     = can(regex("^(EU|US|ASIA|[a-z]+-[a-z]+[0-9]+)$", var.location))
    error_message = "A location is EU, US, ASIA, or a region such as europe-west1."
  }
}

variable "message_regions" {
  description = "Regions in which Pub/Sub may keep and handle messages, which hold the names of uploaded objects."
  type        = list(string)
  default     = ["europe-west1", "europe-west4"]

  validation {
    condition     = length(var.message_regions) > 0 && alltrue([for region in var.message_regions : can(regex("^[a-z]+-[a-z]+[0-9]+$", region))])
    error_message = "Name at least one region, such as europe-west1."
  }
}

variable "catalog_bucket" {
  description = "Name of the bucket that the tracks are uploaded to."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.catalog_bucket))
    error_message = "A bucket's name has 3 to 63 small letters, digits, dots, hyphens and underscores, without gs://."
  }
}

variable "create_catalog_bucket" {
  description = "False if the catalog's bucket is there already: then it gets a notification and readers, and is left as it is."
  type        = bool
  default     = true
}

variable "catalog_prefix" {
  description = "Only objects whose names begin so are announced. Empty for the whole bucket."
  type        = string
  default     = "in/"

  validation {
    condition     = !startswith(var.catalog_prefix, "/") && !startswith(var.catalog_prefix, "gs:") && !strcontains(var.catalog_prefix, "*")
    error_message = "A prefix is the literal beginning of names in the bucket, such as in/: no URL, no leading slash, no pattern."
  }
}

variable "catalog_retention_days" {
  description = "Days for which nobody can delete or replace a track in the catalog's bucket; 0 for no such rule. With it, uploads in parallel parts cannot remove their parts: switch them off."
  type        = number
  default     = 0

  validation {
    condition     = var.catalog_retention_days >= 0 && var.catalog_retention_days <= 36500 && floor(var.catalog_retention_days) == var.catalog_retention_days
    error_message = "Give whole days, from 0 to 36500."
  }
}

variable "catalog_undelete_days" {
  description = "Days for which deleted and replaced tracks can be brought back: 0, or 7 to 90. They are billed meanwhile."
  type        = number
  default     = 7

  validation {
    condition     = var.catalog_undelete_days == 0 || (var.catalog_undelete_days >= 7 && var.catalog_undelete_days <= 90)
    error_message = "Cloud Storage takes 0, or 7 to 90 days."
  }
}

variable "tables_bucket" {
  description = "Name of the bucket that holds the Parquet tables. It must be another one than the catalog's."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.tables_bucket))
    error_message = "A bucket's name has 3 to 63 small letters, digits, dots, hyphens and underscores, without gs://."
  }
}

variable "dataset" {
  description = "Name of the BigQuery dataset that holds the tables."
  type        = string
  default     = "tags"

  validation {
    condition     = can(regex("^[A-Za-z0-9_]+$", var.dataset))
    error_message = "A dataset's name has letters, digits and underscores."
  }
}

variable "protect_tables" {
  description = "True keeps Terraform from dropping tables in BigQuery, also where it would make one anew to change it."
  type        = bool
  default     = true
}

variable "kubernetes_namespace" {
  description = "Namespace in this project's GKE clusters whose service accounts tonearm-batch and tonearm-stream may act as the accounts made here; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.kubernetes_namespace == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.kubernetes_namespace))
    error_message = "A namespace has at most 63 small letters, digits and hyphens."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels, for instance to tell costs apart."
  type        = map(string)
  default     = { application = "tonearm" }
}

variable "dataflow_region" {
  description = "Region of jobs on Dataflow, such as europe-west1: makes their bucket, registry and roles. Null for none."
  type        = string
  default     = null

  validation {
    condition     = var.dataflow_region == null || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.dataflow_region))
    error_message = "A region is such as europe-west1, without the zone's letter."
  }
}
