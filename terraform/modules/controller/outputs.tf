output "function_name" {
  description = "The function"
  value       = try(aws_lambda_function.this[0].function_name, null)
}
