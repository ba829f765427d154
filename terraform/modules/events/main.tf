# Users for event functions in other clouds: each may only send to the queue of events of one task. Keys are made by
# hand, so that no secret stands in Terraform's state. Buckets on Amazon S3 are wired by `flotilla task create`, which
# leaves their other notifications alone; Terraform would replace them all.

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

resource "aws_iam_user" "sender" {
  for_each = toset(var.create ? var.tasks : [])

  name                 = "${var.name}-${each.key}-events"
  permissions_boundary = var.permissions_boundary
  force_destroy        = true # With the keys that were made by hand.
  tags                 = var.tags
}

resource "aws_iam_user_policy" "sender" {
  for_each = aws_iam_user.sender

  name = "send"
  user = each.value.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = ["arn:${data.aws_partition.current.partition}:sqs:*:${data.aws_caller_identity.current.account_id}:${var.name}--${each.key}--events"]
    }]
  })
}
