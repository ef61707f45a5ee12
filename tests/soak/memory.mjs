// The memory that workerd uses.

import { readFile, readdir } from "node:fs/promises";

/** The resident set of this process's workerd, in bytes; undefined if the platform does not report it. */
export async function residentBytes() {
  try {
    let bytes;
    for (const id of await readdir("/proc")) {
      if (!/^\d+$/.test(id)) continue;
      const status = await readFile(`/proc/${id}/status`, "utf8").catch(() => "");
      const field = (name) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1];
      if (field("Name") === "workerd" && Number(field("PPid")) === process.pid) {
        bytes = (bytes ?? 0) + Number(field("VmRSS")) * 1024;
      }
    }
    return bytes;
  } catch {
    return undefined;
  }
}
