# The controller as a function that runs once a minute: the same program, behind a script that speaks with the runtime.

locals {
  create_count = var.create ? 1 : 0
  suffix       = { arm64 = "aarch64", x86_64 = "x86_64" }[var.architecture]
}

resource "aws_cloudwatch_log_group" "this" {
  count = local.create_count

  name              = "/aws/lambda/${var.name}-controller"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

resource "aws_lambda_function" "this" {
  count = local.create_count

  function_name = "${var.name}-controller"
  description   = "One pass of the controller of the fleet ${var.name}"
  role          = var.role_arn
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]
  s3_bucket     = var.artifact.bucket
  s3_key        = "${var.artifact.prefix}/${var.artifact.version}/flotilla-controller-${var.artifact.version}-${local.suffix}.zip"
  memory_size   = 256
  # A pass takes seconds. Two at once are harmless, and cost twice.
  timeout     = 300
  kms_key_arn = var.kms_key_arn

  environment {
    variables = merge(var.environment, { FLOTILLA_FLEET_FILE = var.fleet_file })
  }

  tags = var.tags

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_cloudwatch_event_rule" "minute" {
  count = local.create_count

  name                = "${var.name}-controller"
  description         = "One pass of the controller each minute"
  schedule_expression = "rate(1 minute)"

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "function" {
  count = local.create_count

  rule = aws_cloudwatch_event_rule.minute[0].name
  arn  = aws_lambda_function.this[0].arn

  # The next minute makes it again.
  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 0
  }
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = local.create_count

  function_name                = aws_lambda_function.this[0].function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}

resource "aws_lambda_permission" "rule" {
  count = local.create_count

  statement_id  = "rule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[0].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.minute[0].arn
}
