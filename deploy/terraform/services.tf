# The interfaces that tonearm calls. They stay on when this is destroyed: others in the project may use them.
resource "google_project_service" "used" {
  for_each = toset([
    "bigquery.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "pubsub.googleapis.com",
    "storage.googleapis.com",
  ])

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}
