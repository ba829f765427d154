output "vpc_id" {
  description = "The VPC"
  value       = try(aws_vpc.this[0].id, null)
}

output "subnet_ids" {
  description = "Its subnets"
  value       = [for subnet in aws_subnet.public : subnet.id]
}
