// What the brackets of a subject say: [PATCH v3 2/5], [RFC PATCH -next 0/7], Re: [PATCH].

export interface Subject {
  /** Without `Re:` and brackets, as git am would write it. */
  readonly title: string;
  readonly reply: boolean;
  /** Whether there are brackets that say patch or RFC; only such mails have a version. */
  readonly tagged: boolean;
  /** `3` of `v3`; 1 if nothing is said. */
  readonly version: number;
  /** `2/5`; a number that is beyond its total counts as none. */
  readonly place?: { readonly number: number; readonly total: number };
}

/** Total: any text is some subject. `fallback` is the title if nothing is left. */
export function parseSubject(text: string, fallback: string): Subject {
  const start = /^(?:\s|(?:re|aw|sv|fwd?)(?:\[\d+\])?:|\[[^\]]{0,200}\])*/i.exec(text)?.[0] ?? '';
  const brackets = [...start.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? '');
  const tag = brackets.find((one) => /patch|rfc/i.test(one)) ?? '';
  const version = /(?:^|\s|patch|rfc)v(\d{1,4}(?:\.\d{1,4})?)(?=$|[\s,/])/i.exec(tag)?.[1];
  const place = /(?:^|\s|patch)(\d{1,4})\s*\/\s*(\d{1,4})$/i.exec(tag.trim());
  const [number, total] = [Number(place?.[1]), Number(place?.[2])];
  return {
    title: text.slice(start.length).trim().slice(0, 500) || fallback,
    reply: /^\s*(?:re|aw|sv)(?:\[\d+\])?:/i.test(text),
    tagged: tag !== '',
    version: version === undefined ? 1 : Number(version),
    ...(place === null || number > total || total === 0 ? {} : { place: { number, total } }),
  };
}
