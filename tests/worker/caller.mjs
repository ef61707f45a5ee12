// Runs inside workerd: a Worker that calls the deployment through a service binding, with any length of body, whatever length it
// declares. The platform does not compare the two.

const CHUNK = new Uint8Array(16 * 1024).fill(" ".charCodeAt(0));

export default {
  /** `start` is sent first, then so many `chunks`; with `endless` the body never ends. */
  async fetch(request, { COUNTERFOIL }) {
    const { path, headers, start, chunks, endless } = await request.json();
    let sent = -1;
    const body = new ReadableStream(
      {
        pull(controller) {
          if (sent === chunks) return endless ? new Promise(() => {}) : controller.close();
          controller.enqueue(sent === -1 ? new TextEncoder().encode(start) : CHUNK);
          sent += 1;
        },
      },
      { highWaterMark: 0 },
    );
    const response = await COUNTERFOIL.fetch(`https://counterfoil.example${path}`, { method: "POST", headers, body });
    return Response.json({ status: response.status, code: (await response.json()).code, sent: Math.max(sent, 0) });
  },
};
