// Descriptions of the built-in scopes and of wildcards. The grammar of scopes is in the npm package.

/** The scopes that every workspace has in addition to its catalogue. */
export const BUILT_IN = [
  { name: "tokens:read", description: "List and read tokens" },
  { name: "tokens:write", description: "Create, edit and revoke tokens" },
  { name: "tokens:import", description: "Import third-party tokens" },
  { name: "tokens:grant", description: "Give tokens any scope that is granted to their owner" },
  { name: "tokens:verify", description: "Verify tokens" },
  { name: "sessions:create", description: "Sign in to the console" },
  { name: "snapshots:read", description: "Download snapshots" },
  { name: "audit:read", description: "Read the audit log" },
  { name: "workspace:manage", description: "Manage members, clients, scopes and settings" },
];

/** The description of a wildcard. */
export function wildcardDescription(pattern) {
  if (pattern === "*") return "All scopes, including management of this workspace";
  return `All scopes under ${pattern.slice(0, -2)}, including scopes added later`;
}
