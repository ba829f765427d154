# Input that is refused, each with its own message.

mock_provider "aws" {
  source = "./tests/mocks/aws"
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
}

run "a_name_with_two_dashes" {
  command = plan
  variables {
    name = "a--b"
  }
  expect_failures = [var.name]
}

run "a_name_that_is_too_long" {
  command = plan
  variables {
    name = "a23456789012345678901"
  }
  expect_failures = [var.name]
}

run "a_name_with_capitals" {
  command = plan
  variables {
    name = "Photos"
  }
  expect_failures = [var.name]
}

run "a_bucket_without_a_side" {
  command = plan
  variables {
    buckets = { "b-1" = {} }
  }
  expect_failures = [var.buckets]
}

run "events_of_a_destination" {
  command = plan
  variables {
    buckets = { "b-1" = { destination = true, events = true } }
  }
  expect_failures = [var.buckets]
}

run "a_bucket_by_its_arn" {
  command = plan
  variables {
    buckets = { "arn:aws:s3:::b" = { source = true } }
  }
  expect_failures = [var.buckets]
}

run "a_prefix_with_a_slash_first" {
  command = plan
  variables {
    buckets = { "b-1" = { source = true, prefix = "/a" } }
  }
  expect_failures = [var.buckets]
}

run "a_short_digest" {
  command = plan
  variables {
    artifact = { bucket = "b", version = "1", sha256 = "00" }
  }
  expect_failures = [var.artifact]
}

run "a_version_with_a_slash" {
  command = plan
  variables {
    artifact = { bucket = "b", version = "1/2", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  }
  expect_failures = [var.artifact]
}

run "an_unknown_architecture" {
  command = plan
  variables {
    architecture = "riscv"
  }
  expect_failures = [var.architecture]
}

run "a_negative_minimum" {
  command = plan
  variables {
    min_size = -1
  }
  expect_failures = [var.min_size]
}

run "a_maximum_below_the_minimum" {
  command = plan
  variables {
    min_size = 3
    max_size = 2
  }
  expect_failures = [var.max_size]
}

run "no_machines_at_all" {
  command = plan
  variables {
    max_size = 0
  }
  expect_failures = [var.max_size]
}

run "more_than_all_on_demand" {
  command = plan
  variables {
    on_demand_percentage = 101
  }
  expect_failures = [var.on_demand_percentage]
}

run "an_unknown_controller" {
  command = plan
  variables {
    controller = "cron"
  }
  expect_failures = [var.controller]
}

run "a_controller_on_no_machine" {
  command = plan
  variables {
    controller = "machine"
  }
  expect_failures = [var.controller]
}

run "an_unknown_scaling" {
  command = plan
  variables {
    scaling = "magic"
  }
  expect_failures = [var.scaling]
}

run "scaling_without_its_task" {
  command = plan
  variables {
    scaling = "cloudwatch"
  }
  expect_failures = [var.scaling]
}

run "scaling_by_a_task_with_a_bad_name" {
  command = plan
  variables {
    scaling      = "cloudwatch"
    scaling_task = "a_b"
  }
  expect_failures = [var.scaling_task]
}

run "a_network_without_subnets" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = [] }
  }
  expect_failures = [var.network]
}

run "a_network_that_is_too_small" {
  command = plan
  variables {
    cidr = "10.0.0.0/28"
  }
  expect_failures = [var.cidr]
}

run "a_sender_with_a_bad_name" {
  command = plan
  variables {
    event_senders = ["a_b"]
  }
  expect_failures = [var.event_senders]
}

run "a_provider_of_pods_that_is_none" {
  command = plan
  variables {
    service_account = { oidc_provider_arn = "arn:aws:eks:eu-central-1:111122223333:cluster/photos", namespace = "a", name = "b" }
  }
  expect_failures = [var.service_account]
}

run "an_environment_that_replaces_the_fleet_file" {
  command = plan
  variables {
    controller_environment = { FLOTILLA_FLEET_FILE = "" }
  }
  expect_failures = [var.controller_environment]
}

run "a_public_url_without_its_scheme" {
  command = plan
  variables {
    public_url = "flotilla.example.com"
  }
  expect_failures = [var.public_url]
}

run "a_public_url_with_a_path" {
  command = plan
  variables {
    public_url = "https://example.com/flotilla"
  }
  expect_failures = [var.public_url]
}
