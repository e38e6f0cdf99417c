<?php
// phpseclib: php phpseclib.php PORT DIRECTORY; a link, a file both ways by SFTP and up by SCP, a listing. (Its SCP download
// takes the status behind a file for a byte of it, whatever the server.)
require 'phpseclib/autoload.php';
[, $port, $here] = $argv;
function must($what, $sftp, $value) {
    if ($value === false) {
        echo "$what: ", implode(' ', array_merge($sftp->getErrors(), $sftp->getSFTPErrors())), "\n";
        exit(1);
    }
    return $value;
}
$sftp = new phpseclib\Net\SFTP('127.0.0.1', (int) $port, 20);
must('login', $sftp, $sftp->login('demo', 'secret'));
must('put', $sftp, $sftp->put('php up', "$here/up", phpseclib\Net\SFTP::SOURCE_LOCAL_FILE));
must('get', $sftp, $sftp->get('php up', "$here/down"));
must('symlink', $sftp, $sftp->symlink('php up', 'link'));  // target, then the new name
echo 'link ', must('readlink', $sftp, $sftp->readlink('link')), "\n";
must('mkdir', $sftp, $sftp->mkdir('d/e', -1, true));
$names = must('nlist', $sftp, $sftp->nlist('.'));
sort($names);
echo 'entries ', implode('|', $names), "\n";
echo 'size ', $sftp->size('php up'), "\n";
must('chmod', $sftp, $sftp->chmod(0600, 'php up'));
must('touch', $sftp, $sftp->touch('php up', 1000000000, 1000000000));
must('rename', $sftp, $sftp->rename('php up', 'd/renamed'));
echo 'missing ', var_export($sftp->stat('missing'), true), "\n";
$ssh = new phpseclib\Net\SSH2('127.0.0.1', (int) $port, 20);
must('login', $sftp, $ssh->login('demo', 'secret'));
$scp = new phpseclib\Net\SCP($ssh);
must('scp up', $sftp, $scp->put("scp up's", "$here/up", phpseclib\Net\SCP::SOURCE_LOCAL_FILE));
echo "done\n";
