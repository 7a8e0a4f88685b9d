// A mail archive on the loopback that answers as public-inbox does where b4 asks: a redirect from /LIST/ID, a thread as
// /LIST/ID/t.mbox.gz.
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

export interface Archive extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** What was asked for, in order: `GET /all/…`. */
  readonly asked: string[];
}

/** Serves these threads, each an mbox, under the ids of all of their mails. */
export async function serveArchive(threads: readonly string[]): Promise<Archive> {
  const byId = new Map(
    threads.flatMap((thread) =>
      [...thread.matchAll(/^Message-Id: <(.+)>$/gim)].map(([, id = '']) => [id, thread] as const),
    ),
  );
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    asked.push(`${request.method} ${path}`);
    const [, list = '', id = '', file] = /^\/([^/]+)\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
    const thread = byId.get(id);
    if (thread === undefined) response.writeHead(404).end();
    else if (file === undefined)
      response
        .writeHead(301, {
          Location: `http://${request.headers.host}/${list}/${request.url?.split('/')[2]}/`,
        })
        .end();
    else if (file === 't.mbox.gz')
      response.writeHead(200, { 'Content-Type': 'application/gzip' }).end(gzipSync(thread));
    else response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
