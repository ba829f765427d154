# Which role may do what. The comment of a line names the call of the code where it is not the action's own name; a test
# compares this table with the calls of the code (`tests/deploy/test_actions.py`).

locals {
  actions = {
    worker = {
      table = concat(local.table_write, [
        "dynamodb:Scan", # `flotilla task delete --records`
      ])
      queues = [
        "sqs:ChangeMessageVisibility",
        "sqs:CreateQueue", # Queues that somebody removed, and those of a task whose `create` was cut off.
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListQueueTags",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "sqs:TagQueue",
      ]
      group = [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:SetInstanceProtection",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
      ]
      groups = ["autoscaling:DescribeAutoScalingInstances"] # Knows no resources.
      source_bucket = [
        "s3:GetBucketObjectLockConfiguration", # GetObjectLockConfiguration
        "s3:GetBucketWebsite",
        "s3:ListBucket", # ListObjects, ListObjectsV2
      ]
      source_objects = [
        "s3:GetObject", # GetObject, HeadObject, CopyObject, UploadPartCopy
        "s3:GetObjectAcl",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:RestoreObject",
      ]
      destination_bucket = [
        "s3:GetBucketAcl",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads", # ListMultipartUploads
      ]
      destination_objects = [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject", # Also to withdraw a copy that came out wrong.
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:ListMultipartUploadParts", # ListParts
        "s3:PutObject",                # And CreateMultipartUpload, UploadPart, CompleteMultipartUpload
        "s3:PutObjectAcl",
        "s3:PutObjectTagging",
      ]
    }
    controller = {
      table = local.table_write
      queues = [
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListQueueTags",
        "sqs:SendMessage",
        "sqs:SetQueueAttributes", # Repairs the events of tasks, as the three groups below do.
        "sqs:TagQueue",
      ]
      source_notifications = local.notifications
      rules                = local.rules
      all_rules            = ["events:ListRules"]
      group = [
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
      ]
      groups = [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
      ]
    }
    viewer = {
      table        = local.table_read
      queues       = local.queues_read
      dead_letters = ["sqs:ReceiveMessage"] # To look at them: they stay.
      groups       = local.groups_read
    }
    operator = {
      table        = local.table_write
      queues       = concat(local.queues_read, ["sqs:SendMessage"])
      dead_letters = ["sqs:DeleteMessage", "sqs:ReceiveMessage"] # To send them again.
      groups       = local.groups_read
    }
    admin = {
      table = local.table_write
      queues = concat(local.queues_read, [
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:SendMessage",
        "sqs:SetQueueAttributes",
        "sqs:TagQueue",
      ])
      dead_letters         = ["sqs:DeleteMessage", "sqs:ReceiveMessage"] # To send them again, and to remove them.
      source_notifications = local.notifications
      rules                = local.rules
      all_rules            = ["events:ListRules"]
      groups               = local.groups_read
    }
  }

  table_read = [
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:Query",
  ]
  table_write = concat(local.table_read, [
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem", # TransactWriteItems, with the three below
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
  ])
  queues_read = [
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ListQueueTags",
  ]
  groups_read = ["autoscaling:DescribeAutoScalingGroups"] # The machines of the fleet, and its maximum.
  # Events of a bucket: by its notifications, or by EventBridge where another rule overlaps.
  notifications = [
    "s3:GetBucketNotification", # GetBucketNotificationConfiguration
    "s3:PutBucketNotification", # PutBucketNotificationConfiguration
  ]
  rules = [
    "events:DeleteRule",
    "events:DescribeRule",
    "events:ListTargetsByRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
  ]
}
