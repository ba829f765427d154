# Objects of another account's bucket are copied to a bucket of this account, with every option.

provider "aws" {
  region = "eu-central-1"
}

module "flotilla" {
  source = "../../"

  name = "photos"

  buckets = {
    # Of the other account: its bucket policy lets the output worker_role_arn read.
    "their-photos" = { source = true, events = true, prefix = "originals" }
    "our-photos" = {
      destination = true
      kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    }
  }

  artifact = {
    bucket  = "my-artifacts"
    version = "0.1.0"
    sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
  }

  architecture            = "arm64"
  min_size                = 0
  max_size                = 40
  on_demand_base_capacity = 1
  on_demand_percentage    = 20

  work = {
    concurrency  = 128
    memory_limit = "1GiB"
  }

  assume_role_arns       = ["arn:aws:iam::444455556666:role/photos-reader"]
  alarm_emails           = ["operations@example.com"]
  public_url             = "https://flotilla.example.com"
  permissions_boundary   = "arn:aws:iam::111122223333:policy/boundary"
  point_in_time_recovery = true
  log_retention_days     = 90

  tags = {
    team = "storage"
  }
}

output "fleet_file" {
  description = "The file for flotilla --fleet"
  value       = module.flotilla.fleet_file
}

output "worker_role_arn" {
  description = "For the bucket policy of the other account"
  value       = module.flotilla.worker_role_arn
}
