# Refuses a destroy before anything is removed. The table is protected by the service too, but it goes last: without
# this, a destroy removes all else, and then fails at the table.

resource "terraform_data" "this" {
  count = var.create ? 1 : 0

  input = var.protected

  provisioner "local-exec" {
    when    = destroy
    command = self.input ? "echo deletion_protection is on: apply deletion_protection = false first >&2 && exit 1" : "exit 0"
  }
}
