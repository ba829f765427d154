# Machines in private subnets of an existing VPC, with that VPC's way out.

provider "aws" {
  region = "eu-central-1"
}

variable "vpc_id" {
  description = "The VPC"
  type        = string
}

variable "subnet_ids" {
  description = "Its private subnets, with a route to S3, DynamoDB and SQS"
  type        = list(string)
}

module "flotilla" {
  source = "../../"

  name    = "backup"
  buckets = { "photos" = { source = true }, "photos-backup" = { destination = true } }

  artifact = {
    bucket  = "my-artifacts"
    version = "0.1.0"
    sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
  }

  network = {
    vpc_id     = var.vpc_id
    subnet_ids = var.subnet_ids
  }
}

output "fleet_file" {
  description = "The file for flotilla --fleet"
  value       = module.flotilla.fleet_file
}
