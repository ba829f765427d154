# A fleet in the partition aws-us-gov.

mock_provider "aws" {
  source = "./tests/mocks/us-gov"
}

variables {
  name = "photos"
  buckets = {
    "originals" = { source = true, events = true, prefix = "2026" }
    "copies"    = { destination = true }
  }
  artifact = {
    bucket  = "artifacts"
    version = "0.1.0"
    sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
  }
  # Else the end of the test, which destroys everything, is refused.
  deletion_protection = false
}

run "no_policy_names_another_partition" {
  assert {
    condition     = !strcontains(jsonencode(module.iam.policies), "arn:aws:")
    error_message = "A policy has a literal arn:aws: ${jsonencode(module.iam.policies)}"
  }
  assert {
    condition     = strcontains(jsonencode(module.iam.policies), "arn:aws-us-gov:s3:::originals/2026/*")
    error_message = "Objects are named in the partition."
  }
}

run "all_controllers_and_senders_too" {
  variables {
    controller    = "machine"
    min_size      = 1
    event_senders = ["photos"]
    kms_key_arn   = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1"
  }
  assert {
    condition     = !strcontains(jsonencode(module.iam.policies), "arn:aws:")
    error_message = "A policy has a literal arn:aws:."
  }
}
