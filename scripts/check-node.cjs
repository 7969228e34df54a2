/*
 * Says what to do where Node is older than package.json allows.
 *
 * Runs first in every npm script, on whatever Node the host has. Hence CommonJS and ES5 only: a Node too old to run
 * the project must still be able to read this file. @req CNV-18
 */
'use strict';

var path = require('path');

/** Compares dotted versions by number; negative when `a` is older. */
function compareVersions(a, b) {
  var left = a.split('.');
  var right = b.split('.');
  for (var i = 0; i < 3; i += 1) {
    var difference = Number(left[i] || 0) - Number(right[i] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The advice for a Node that is too old, or null when it will do. */
function adviceFor(version, manifest, folder) {
  var wanted = manifest.engines.node.replace(/^>=\s*/, '');
  var found = version.replace(/^v/, '');
  if (compareVersions(found, wanted) >= 0) return null;
  return [
    'pawl needs Node ' + wanted + ' or newer; this is Node ' + found + ' (' + process.execPath + ').',
    '',
    'What to do:',
    '  1. In ' + folder + ' run   npm ci',
    '     It brings Node ' + manifest.devDependencies.node + ' from the npm registry; every npm script then uses it.',
    '  2. If you did, its install script was not allowed to run. Then run   npm rebuild node --ignore-scripts=false',
    '  3. Start the project through npm (npm test, npm run demo, npm run -s pawl -- ...), not by calling node yourself.',
    'Or install Node ' + wanted + ' or newer from https://nodejs.org.',
  ].join('\n');
}

module.exports = { adviceFor: adviceFor, compareVersions: compareVersions };

if (require.main === module) {
  var folder = path.join(__dirname, '..');
  var advice = adviceFor(process.version, require(path.join(folder, 'package.json')), folder);
  if (advice !== null) {
    console.error(advice);
    process.exit(2);
  }
}
