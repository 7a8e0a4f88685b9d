// The same bisection in the words of `git bisect log`, to go on with by hand: git bisect replay FILE.
import { fieldOf } from './field.ts';
import { trusted } from './graph.ts';
import { goodEnds, type State, verdictOf } from './state.ts';

/** `titles`: of commits by id. Patches of a series are commits of ours: there it needs our repository. */
export function gitBisectLog(state: State, titles: ReadonlyMap<string, string>): string {
  const { bad, firstParent } = state.begin;
  const lines = [
    `git bisect start${firstParent === true ? " '--first-parent'" : ''}`,
    ...['# status: waiting for both good and bad commits'],
  ];
  const tell = (word: string, id: string): void => {
    // A line break in a title would be a command of its own.
    const title = (titles.get(id) ?? '').replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ');
    lines.push(`# ${word}: [${id}] ${title}`.trimEnd(), `git bisect ${word} ${id}`);
  };
  tell('bad', bad);
  for (const good of goodEnds(state)) tell('good', good);
  // git keeps one bad commit, the newest verdict: the oldest of them must come last.
  const field = fieldOf(state);
  const { ids } = field?.graph ?? { ids: [] };
  // What seemed good although it builds on what is bad would confuse it.
  const sound = new Set(field === undefined ? [] : trusted(field.graph, field.bad, field.good));
  const judged = ids.flatMap((id, at) => {
    const verdict = id === bad ? undefined : verdictOf(state, id);
    return verdict === undefined || (verdict === 'good' && !sound.has(at)) ? [] : [{ id, verdict }];
  });
  for (const { id, verdict } of judged) if (verdict !== 'bad') tell(verdict, id);
  for (const { id, verdict } of judged.toReversed()) if (verdict === 'bad') tell(verdict, id);
  return lines.map((line) => `${line}\n`).join('');
}
