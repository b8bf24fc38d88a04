# An upload is announced by Cloud Storage to the topic, and taken from the subscription by `tonearm ingest --subscription`.

data "google_project" "this" {
  project_id = var.project
}

data "google_storage_project_service_account" "this" {
  project = var.project

  depends_on = [google_project_service.used]
}

locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "uploads" {
  name = "tonearm-uploads"

  message_storage_policy {
    allowed_persistence_regions = var.message_regions
  }

  depends_on = [google_project_service.used]
}

resource "google_pubsub_topic_iam_member" "storage_publishes_uploads" {
  topic  = google_pubsub_topic.uploads.name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${data.google_storage_project_service_account.this.email_address}"
}

resource "google_storage_notification" "uploads" {
  bucket             = var.catalog_bucket
  topic              = google_pubsub_topic.uploads.id
  payload_format     = "JSON_API_V1"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = var.catalog_prefix == "" ? null : var.catalog_prefix

  depends_on = [
    google_pubsub_topic_iam_member.storage_publishes_uploads,
    google_storage_bucket.catalog,
  ]
}

# Without a retry policy a message that is given back, as at a stop, is delivered again at once.
resource "google_pubsub_subscription" "uploads" {
  name                       = "tonearm"
  topic                      = google_pubsub_topic.uploads.id
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  # Never, even if nobody listens for a month.
  expiration_policy {
    ttl = ""
  }

  # A message that cannot be read is a row in `failures` and is acknowledged. What comes here brought the whole process
  # down a hundred times: each stop and each kill is a delivery too, so a lower number would give good tracks up.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.given_up.id
    max_delivery_attempts = 100
  }

  depends_on = [google_pubsub_topic_iam_member.pubsub_publishes_given_up]
}

resource "google_pubsub_topic" "given_up" {
  name = "tonearm-given-up"

  message_storage_policy {
    allowed_persistence_regions = var.message_regions
  }

  depends_on = [google_project_service.used]
}

# A topic without a subscription forgets its messages.
resource "google_pubsub_subscription" "given_up" {
  name                       = "tonearm-given-up"
  topic                      = google_pubsub_topic.given_up.id
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub itself moves what is given up: it publishes to the one topic and acknowledges on the other's subscription.
resource "google_pubsub_topic_iam_member" "pubsub_publishes_given_up" {
  topic  = google_pubsub_topic.given_up.name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "pubsub_takes_given_up" {
  subscription = google_pubsub_subscription.uploads.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
