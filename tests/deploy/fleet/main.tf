# The fleet that the tests apply, at an emulator that AWS_ENDPOINT_URL names.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

variable "sha256" {
  description = "Digest of the archive"
  type        = string
}

module "flotilla" {
  source = "../../../terraform"

  name                = "photos"
  buckets             = { "source" = { source = true }, "destination" = { destination = true } }
  artifact            = { bucket = "artifacts", version = "0.1.0", sha256 = var.sha256 }
  image_id            = "ami-12c6146b"
  alarm_emails        = ["operations@example.com"]
  public_url          = "https://flotilla.example.com"
  assume_role_arns    = ["arn:aws:iam::123456789012:role/lent"]
  secret_arns         = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:lent-*"]
  deletion_protection = false
}

output "fleet_file" {
  description = "The fleet file"
  value       = module.flotilla.fleet_file
}

output "fleet_file_for_pods" {
  description = "The fleet file without the group"
  value       = module.flotilla.fleet_file_for_pods
}

output "group_name" {
  description = "The group"
  value       = module.flotilla.group_name
}

output "policies" {
  description = "Statements by role"
  value       = module.flotilla.policies
}
