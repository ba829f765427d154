# Workers and controller as pods of a cluster (deploy/helm/flotilla): table, queue, role and policies, and no machine.

provider "aws" {
  region = "eu-central-1"
}

module "flotilla" {
  source = "../../"

  name    = "photos"
  buckets = { "photos" = { source = true, events = true }, "photos-copy" = { destination = true } }

  artifact = {
    bucket  = "my-artifacts"
    version = "0.1.0"
    sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
  }

  # Nobody asks the group for machines: it stays empty.
  controller = "none"
  max_size   = 1
  # The alarms stand on metrics of the function: use Prometheus.
  create_alarms = false

  service_account = {
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    namespace         = "default"
    name              = "photos"
  }
}

output "fleet_file" {
  description = "The chart's value fleetFile, and the file for flotilla --fleet"
  value       = module.flotilla.fleet_file_for_pods
}

output "worker_role_arn" {
  description = "For the chart's serviceAccount.annotations"
  value       = module.flotilla.worker_role_arn
}
