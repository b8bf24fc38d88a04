# Tables and views as tonearm itself would make them, from the file that the code writes. The table `held_by` and the
# tables `staging_…` come and go with runs and are none of Terraform's.

locals {
  declared = jsondecode(file("${path.module}/tables.json"))
  queries = {
    for name, view in local.declared.views :
    name => replace(replace(view.query, "{project}", var.project), "{dataset}", var.dataset)
  }
}

resource "google_bigquery_dataset" "tags" {
  dataset_id  = var.dataset
  location    = var.location
  description = "What tracks sound like: tables of tonearm."

  depends_on = [google_project_service.used]
}

resource "google_bigquery_table" "tables" {
  for_each = local.declared.tables

  dataset_id          = google_bigquery_dataset.tags.dataset_id
  table_id            = each.key
  description         = each.value.description
  schema              = jsonencode(each.value.schema)
  clustering          = each.value.clustering
  deletion_protection = var.protect_tables

  time_partitioning {
    type  = "DAY"
    field = each.value.partition
  }
}

resource "google_bigquery_table" "latest_tracks" {
  dataset_id          = google_bigquery_dataset.tags.dataset_id
  table_id            = "track_tags_latest"
  description         = local.declared.views["track_tags_latest"].description
  deletion_protection = false

  view {
    query          = local.queries["track_tags_latest"]
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.tables]
}

# These name the view above, which has to be there first.
resource "google_bigquery_table" "parts_of_latest_tracks" {
  for_each = toset([for name in keys(local.declared.views) : name if name != "track_tags_latest"])

  dataset_id          = google_bigquery_dataset.tags.dataset_id
  table_id            = each.value
  description         = local.declared.views[each.value].description
  deletion_protection = false

  view {
    query          = local.queries[each.value]
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.latest_tracks]
}
