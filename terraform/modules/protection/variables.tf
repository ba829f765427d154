variable "create" {
  description = "Whether to create anything"
  type        = bool
  default     = true
}

variable "protected" {
  description = "Whether a destroy is refused; the last value that was applied counts"
  type        = bool
}
