# A bucket of Aliyun OSS is copied to Amazon S3, and followed by a function there (deploy/functions/aliyun_oss.py).

provider "aws" {
  region = "eu-central-1"
}

# {"access_key_id": "…", "secret_access_key": "…"} of an OSS user that may read. Its value is set by hand.
resource "aws_secretsmanager_secret" "oss" {
  name = "flotilla/oss"
}

module "flotilla" {
  source = "../../"

  name    = "from-china"
  buckets = { "photos-frankfurt" = { destination = true } }

  artifact = {
    bucket  = "my-artifacts"
    version = "0.1.0"
    sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
  }

  secret_arns   = [aws_secretsmanager_secret.oss.arn]
  event_senders = ["photos"]
}

output "fleet_file" {
  description = "The file for flotilla --fleet"
  value       = module.flotilla.fleet_file
}

output "event_sender" {
  description = "User whose key the function takes: aws iam create-access-key --user-name NAME"
  value       = module.flotilla.event_sender_users["photos"]
}
