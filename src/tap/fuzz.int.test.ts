// The same with many more seeds than there is time for before each commit.
process.env['PGMAP_FUZZ'] ??= '20';
await import('./fuzz.test.ts');
