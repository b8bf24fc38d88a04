resource "google_storage_bucket" "catalog" {
  count = var.create_catalog_bucket ? 1 : 0

  name                        = var.catalog_bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  dynamic "retention_policy" {
    for_each = var.catalog_retention_days > 0 ? [var.catalog_retention_days] : []

    content {
      retention_period = tostring(retention_policy.value * 86400)
    }
  }

  soft_delete_policy {
    retention_duration_seconds = var.catalog_undelete_days * 86400
  }

  lifecycle_rule {
    condition {
      age = 7
    }

    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  depends_on = [google_project_service.used]
}

# No retention and no soft deletion here. A run renews its note `_held_by.json` every ten seconds and moves files
# from `_staging`: a retention would forbid that, and soft deletion would bill every staged byte for a week more.
resource "google_storage_bucket" "tables" {
  name                        = var.tables_bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    condition {
      age = 7
    }

    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  lifecycle {
    precondition {
      condition     = var.tables_bucket != var.catalog_bucket
      error_message = "The tables need a bucket of their own: the accounts may write there, and nowhere in the catalog."
    }
  }

  depends_on = [google_project_service.used]
}
