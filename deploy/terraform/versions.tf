terraform {
  required_version = ">= 1.6"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }
}

# Credentials are those of whoever applies: `gcloud auth application-default login`, or workload identity in CI.
provider "google" {
  project        = var.project
  default_labels = var.labels
}
