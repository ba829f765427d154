# Answers of the services in the partition aws-cn.

mock_data "aws_partition" {
  defaults = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
}
mock_data "aws_region" {
  defaults = { id = "cn-north-1", name = "cn-north-1" }
}
mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333" }
}
mock_data "aws_availability_zones" {
  defaults = { names = ["cn-north-1a", "cn-north-1b", "cn-north-1c"] }
}
mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws-cn:sns:cn-north-1:111122223333:photos-alarms" }
}
mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws-cn:sqs:cn-north-1:111122223333:photos--operations-dead" }
}
mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws-cn:iam::111122223333:role/photos" }
}
mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws-cn:iam::111122223333:instance-profile/photos-worker" }
}
mock_resource "aws_lambda_function" {
  defaults = { arn = "arn:aws-cn:lambda:cn-north-1:111122223333:function:photos-controller" }
}
mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws-cn:events:cn-north-1:111122223333:rule/photos-controller" }
}
mock_resource "aws_autoscaling_policy" {
  defaults = { arn = "arn:aws-cn:autoscaling:cn-north-1:111122223333:scalingPolicy:1:autoScalingGroupName/photos:policyName/wake" }
}
mock_resource "aws_launch_template" {
  defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
}
