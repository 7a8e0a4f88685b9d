// What a program that fetches something for the user needs of the user's environment; everything else gets none of it.

const names =
  /^(HOME|XDG_CONFIG_HOME|GNUPGHOME|GIT_CONFIG_(GLOBAL|SYSTEM|COUNT|KEY_\d+|VALUE_\d+)|(https?|all|no)_proxy|(REQUESTS|CURL)_CA_BUNDLE|SSL_CERT_(FILE|DIR))$/i;

/** Home, git's configuration, proxies and certificates, as far as they are set. */
export function userEnvironment(
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && names.test(name)) kept[name] = value;
  return kept;
}
