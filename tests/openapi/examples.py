"""Checks that every example in the given document matches its schema."""

import json
import sys

import jsonschema_rs

document = json.load(open(sys.argv[1]))
checked = 0
for path, methods in document["paths"].items():
    for method, operation in methods.items():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (content for body in bodies for content in body.get("content", {}).values()):
            if "example" in content:
                schema = {**content["schema"], "components": document["components"]}
                where = f"{method.upper()} {path}"
                for error in jsonschema_rs.validator_for(schema, validate_formats=True).iter_errors(content["example"]):
                    sys.exit(f"{where}: {error.message}, at {error.instance_path}")
                checked += 1
print(checked)
