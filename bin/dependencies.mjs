// Prints what the gateway needs at run time, at every level, from the lockfile: `npm run deps`.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const lockfile = fileURLToPath(new URL('../package-lock.json', import.meta.url));

/**
 * Packages of the lockfile that are installed without development ones. The platform packages of Bun count as one with
 * it: npm takes the one that fits.
 *
 * @returns {{name: string, version: string, hasInstallScript: boolean}[]}
 */
export function runtimeDependencies(text = readFileSync(lockfile, 'utf8')) {
  const { packages } = JSON.parse(text);
  return Object.entries(packages)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.dev && !entry.link)
    .map(([path, entry]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: entry.version,
      hasInstallScript: entry.hasInstallScript === true,
    }))
    .filter(({ name }) => !name.startsWith('@oven/bun-'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = runtimeDependencies();
  for (const { name, version, hasInstallScript } of found) {
    console.log(
      `${name}@${version}${hasInstallScript ? '  (its install script is not needed: the launcher finds Bun)' : ''}`,
    );
  }
  console.log(`${found.length} runtime dependencies, at all levels`);
}
