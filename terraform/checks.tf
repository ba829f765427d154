# What `terraform destroy` would leave. A plan can name it, a destroy cannot: Terraform carries out no check then. So a
# destroy is refused until deletion_protection is off, and the plan that turns it off names the queues of tasks.

# It depends on all else, so it goes first. If it refuses, nothing goes.
module "protection" {
  source = "./modules/protection"

  create    = var.create
  protected = var.deletion_protection

  depends_on = [
    module.network, module.store, module.iam, module.fleet, module.controller, module.observability, module.events
  ]
}

data "aws_sqs_queues" "left" {
  count = var.create && !var.deletion_protection ? 1 : 0

  queue_name_prefix = "${var.name}--"
}

locals {
  queues_of_the_module = ["${var.name}--operations", "${var.name}--operations-dead"]
  queues_left = [
    for url in flatten(data.aws_sqs_queues.left[*].queue_urls) : basename(url)
    if !contains(local.queues_of_the_module, basename(url))
  ]
}

check "tasks_are_deleted" {
  assert {
    condition = length(local.queues_left) == 0
    error_message = join(" ", [
      "terraform destroy would leave the queues of tasks: ${join(", ", local.queues_left)}.",
      "To destroy the fleet, first run: flotilla task delete --all --fleet FILE"
    ])
  }
}
