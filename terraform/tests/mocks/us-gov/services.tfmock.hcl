# Answers of the services in the partition aws-us-gov.

mock_data "aws_partition" {
  defaults = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
}
mock_data "aws_region" {
  defaults = { id = "us-gov-west-1", name = "us-gov-west-1" }
}
mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333" }
}
mock_data "aws_availability_zones" {
  defaults = { names = ["us-gov-west-1a", "us-gov-west-1b", "us-gov-west-1c"] }
}
mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:photos-alarms" }
}
mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws-us-gov:sqs:us-gov-west-1:111122223333:photos--operations-dead" }
}
mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws-us-gov:iam::111122223333:role/photos" }
}
mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws-us-gov:iam::111122223333:instance-profile/photos-worker" }
}
mock_resource "aws_lambda_function" {
  defaults = { arn = "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:photos-controller" }
}
mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws-us-gov:events:us-gov-west-1:111122223333:rule/photos-controller" }
}
mock_resource "aws_autoscaling_policy" {
  defaults = { arn = "arn:aws-us-gov:autoscaling:us-gov-west-1:111122223333:scalingPolicy:1:autoScalingGroupName/photos:policyName/wake" }
}
mock_resource "aws_launch_template" {
  defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
}
