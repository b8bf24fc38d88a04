output "stream_command" {
  description = "What tags uploads as they come, and what was there before."
  value       = "tonearm ingest --subscription ${google_pubsub_subscription.uploads.id} --catch_up gs://${var.catalog_bucket}/${var.catalog_prefix} --output bigquery://${var.project}.${google_bigquery_dataset.tags.dataset_id}"
}

output "batch_command" {
  description = "What tags the whole catalog once."
  value       = "tonearm ingest gs://${var.catalog_bucket}/${var.catalog_prefix} --output gs://${google_storage_bucket.tables.name}/tags"
}

output "accounts" {
  description = "Accounts to run as, by kind of run."
  value       = { for kind, account in google_service_account.tonearm : kind => account.email }
}

output "given_up_subscription" {
  description = "Holds what Pub/Sub gave up to deliver: alert on any message here."
  value       = google_pubsub_subscription.given_up.id
}
