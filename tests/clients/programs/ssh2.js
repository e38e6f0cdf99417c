// ssh2 of Node: node ssh2.js PORT DIRECTORY; makes and reads a link, moves a file both ways.
const { Client } = require('ssh2');
const [port, here] = process.argv.slice(2);
const connection = new Client();
const fail = (what) => (error) => { console.log(`${what}: ${error}`); process.exit(1); };
const then = (what, next) => (error, value) => (error ? fail(what)(error) : next(value));
connection.on('error', fail('connection')).on('ready', () => connection.sftp(then('sftp', (sftp) => {
  sftp.fastPut(`${here}/up`, 'node up', then('put', () => {
    sftp.fastGet('node up', `${here}/down`, then('get', () => {
      sftp.symlink('node up', 'link', then('symlink', () => {  // target, then the new name
        sftp.readlink('link', then('readlink', (target) => {
          console.log(`link ${target}`);
          sftp.readdir('.', then('readdir', (entries) => {
            console.log(`entries ${entries.map((entry) => entry.filename).sort().join('|')}`);
            sftp.rename('node up', 'renamed', then('rename', () => {
              sftp.unlink('renamed', then('unlink', () => {
                console.log('done');
                connection.end();
              }));
            }));
          }));
        }));
      }));
    }));
  }));
}))).connect({ host: '127.0.0.1', port: Number(port), username: 'demo', password: 'secret', readyTimeout: 20000 });
