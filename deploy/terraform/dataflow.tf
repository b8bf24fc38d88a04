# What jobs on Dataflow need besides: a bucket for what they stage, a registry for their image, and their accounts' roles.

locals {
  dataflow          = var.dataflow_region == null ? toset([]) : toset([var.dataflow_region])
  dataflow_accounts = var.dataflow_region == null ? {} : local.accounts
}

resource "google_project_service" "dataflow" {
  for_each = var.dataflow_region == null ? toset([]) : toset([
    "artifactregistry.googleapis.com",
    "compute.googleapis.com",
    "dataflow.googleapis.com",
  ])

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

# A running stream needs what it staged when it was launched, so nothing here is deleted by age.
resource "google_storage_bucket" "jobs" {
  for_each = local.dataflow

  name                        = "${var.tables_bucket}-jobs"
  location                    = each.value
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  depends_on = [google_project_service.used]
}

resource "google_artifact_registry_repository" "images" {
  for_each = local.dataflow

  repository_id = "tonearm"
  location      = each.value
  format        = "DOCKER"
  description   = "Images of Tonearm for the workers of Dataflow"

  depends_on = [google_project_service.dataflow]
}

resource "google_artifact_registry_repository_iam_member" "pulls_images" {
  for_each = local.dataflow_accounts

  repository = google_artifact_registry_repository.images[var.dataflow_region].name
  location   = google_artifact_registry_repository.images[var.dataflow_region].location
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.tonearm[each.key].member
}

resource "google_storage_bucket_iam_member" "stages_jobs" {
  for_each = local.dataflow_accounts

  bucket = google_storage_bucket.jobs[var.dataflow_region].name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.tonearm[each.key].member
}

# What a worker asks of Dataflow itself has no narrower place than the project.
resource "google_project_iam_member" "works_for_dataflow" {
  for_each = local.dataflow_accounts

  project = var.project
  role    = "roles/dataflow.worker"
  member  = google_service_account.tonearm[each.key].member
}

# Dataflow's source looks at the subscription before it pulls.
resource "google_pubsub_subscription_iam_member" "dataflow_looks" {
  for_each = local.dataflow

  subscription = google_pubsub_subscription.uploads.name
  role         = "roles/pubsub.viewer"
  member       = google_service_account.tonearm["stream"].member
}
