"""Terraform's own checks: format, validity of modules and examples, logic over mocked services."""

import re
import tempfile
import unittest

from support import ROOT, Terraform, run, tool

FOLDER = ROOT / "terraform"


class Checks(unittest.TestCase):
    def test_files_are_formatted(self):
        for folder in (FOLDER, ROOT / "tests/deploy/fleet"):
            run(tool("terraform"), "fmt", "-check", "-recursive", "-diff", folder)

    def test_examples_are_valid(self):
        examples = sorted(path for path in (FOLDER / "examples").iterdir() if path.is_dir())
        self.assertEqual(len(examples), 5)
        for example in examples:
            with self.subTest(example=example.name):
                terraform = Terraform(example)
                self.addCleanup(terraform.close)
                terraform.init()
                terraform("validate")

    def test_logic_holds_over_mocked_services(self):
        terraform = Terraform(FOLDER)
        self.addCleanup(terraform.close)
        terraform.init()
        said = terraform("test", "-no-color")
        self.assertRegex(said, r"Success! \d+ passed, 0 failed\.")

    def test_a_protected_fleet_is_not_destroyed(self):
        with tempfile.TemporaryDirectory() as folder:
            terraform = Terraform(FOLDER / "modules/protection")
            self.addCleanup(terraform.close)
            terraform.init()
            state = f"-state={folder}/terraform.tfstate"

            def ask(verb, protected, code=0):
                words = ["-auto-approve", "-input=false", "-no-color", state, f"-var=protected={protected}"]
                return terraform(verb, *words, code=code)

            ask("apply", "true")
            # Also if somebody says at the destroy alone that it is not protected.
            for protected in ("true", "false"):
                ask("destroy", protected, code=1)
            ask("apply", "false")
            self.assertIn("1 destroyed", ask("destroy", "false"))
        # It goes before all others.
        checks = (FOLDER / "checks.tf").read_text()
        modules = {path.name for path in (FOLDER / "modules").iterdir() if path.is_dir()}
        self.assertEqual(set(re.findall(r"\bmodule\.(\w+)", checks)), modules - {"protection"})

    def test_no_arn_names_a_partition(self):
        for path in [*FOLDER.glob("*.tf"), *(FOLDER / "modules").rglob("*.tf")]:
            self.assertNotIn('"arn:aws', path.read_text(), path)
            self.assertNotIn("amazonaws.com.cn/", path.read_text(), path)

    def test_nothing_opens_a_port_or_costs_while_idle(self):
        made = "".join(path.read_text() for path in (FOLDER / "modules").rglob("*.tf"))
        for kind in ("ingress", "aws_security_group_rule", "aws_nat_gateway", "aws_eip", "aws_instance"):
            self.assertNotIn(kind, made)

    def test_every_variable_and_output_has_a_description(self):
        for path in [*FOLDER.rglob("variables.tf"), *FOLDER.rglob("outputs.tf")]:
            text = path.read_text()
            blocks = text.count('\nvariable "') + text.count('\noutput "') + text.startswith(("variable", "output"))
            self.assertEqual(text.count("\n  description"), blocks, path)


if __name__ == "__main__":
    unittest.main()
