// Scopes: the built-in ones, and which patterns cover what.

/** What every workspace has besides its catalogue. */
export const BUILT_IN = [
  { name: "tokens:read", description: "See tokens" },
  { name: "tokens:write", description: "Issue, change and revoke tokens" },
  { name: "tokens:import", description: "Import tokens that were issued elsewhere" },
  { name: "tokens:grant", description: "Give tokens all that their owner is granted" },
  { name: "tokens:verify", description: "Check tokens" },
  { name: "sessions:create", description: "Sign in here" },
  { name: "snapshots:read", description: "Read snapshots of the tokens" },
  { name: "audit:read", description: "Read the audit" },
  { name: "workspace:manage", description: "Manage members, clients, scopes and settings" },
];

/** Whether one of these patterns covers a scope, or all that another pattern covers. */
export function covers(patterns, wanted) {
  return patterns.some((pattern) => pattern === wanted || (pattern.endsWith("*") && wanted.startsWith(pattern.slice(0, -1))));
}

/** What a wildcard says, in words. */
export function inWords(pattern) {
  if (pattern === "*") return "Everything, the management of this workspace included";
  return `Everything under ${pattern.slice(0, -2)}, also what is added later`;
}
