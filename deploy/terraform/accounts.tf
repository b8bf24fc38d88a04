# Two accounts without keys: who runs as one of them gets short-lived tokens. docs/operations.md says what each role is for.

locals {
  accounts = {
    batch  = "Backfills, retries and plans: reads the catalog, writes the tables"
    stream = "Listens to uploads: reads the catalog, writes the tables"
  }
}

resource "google_service_account" "tonearm" {
  for_each = local.accounts

  account_id   = "tonearm-${each.key}"
  display_name = "Tonearm ${each.key}"
  description  = each.value

  depends_on = [google_project_service.used]
}

resource "google_storage_bucket_iam_member" "reads_catalog" {
  for_each = local.accounts

  bucket = var.catalog_bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.tonearm[each.key].member

  depends_on = [google_storage_bucket.catalog]
}

resource "google_storage_bucket_iam_member" "writes_tables" {
  for_each = local.accounts

  bucket = google_storage_bucket.tables.name
  role   = "roles/storage.objectUser"
  member = google_service_account.tonearm[each.key].member
}

resource "google_bigquery_dataset_iam_member" "edits_tables" {
  for_each = local.accounts

  dataset_id = google_bigquery_dataset.tags.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.tonearm[each.key].member
}

# Jobs of BigQuery have no narrower place than the project.
resource "google_project_iam_member" "runs_bigquery_jobs" {
  for_each = local.accounts

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.tonearm[each.key].member
}

resource "google_pubsub_subscription_iam_member" "stream_listens" {
  subscription = google_pubsub_subscription.uploads.name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.tonearm["stream"].member
}

resource "google_service_account_iam_member" "workload_identity" {
  for_each = var.kubernetes_namespace == null ? {} : local.accounts

  service_account_id = google_service_account.tonearm[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project}.svc.id.goog[${var.kubernetes_namespace}/tonearm-${each.key}]"
}
