# A fleet of one task without a function: CloudWatch asks for machines. Schedules and ends of runs need a controller:
# run `flotilla controller --once` from a scheduler of yours, or begin runs by hand.

provider "aws" {
  region = "eu-central-1"
}

module "flotilla" {
  source = "../../"

  name    = "single"
  buckets = { "photos" = { source = true }, "photos-backup" = { destination = true } }

  artifact = {
    bucket  = "my-artifacts"
    version = "0.1.0"
    sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
  }

  controller   = "none"
  scaling      = "cloudwatch"
  scaling_task = "photos"
  alarm_emails = ["operations@example.com"]
}

output "fleet_file" {
  description = "The file for flotilla --fleet"
  value       = module.flotilla.fleet_file
}
