# Net::SFTP and Net::SCP of Ruby: net_sftp.rb PORT VERSION DIRECTORY; prints one line per finding.
require 'net/sftp'
require 'net/scp'

port, version, here = ARGV[0].to_i, ARGV[1].to_i, ARGV[2]
options = { password: 'secret', port: port, verify_host_key: :never, config: false, auth_methods: ['password'],
            non_interactive: true, keys: [], use_agent: false, timeout: 20 }
Net::SSH.start('127.0.0.1', 'demo', options) do |ssh|
  sftp = Net::SFTP::Session.new(ssh, version)
  sftp.connect!
  puts "version #{sftp.protocol.version}"
  sftp.upload!("#{here}/up", 'ruby up')
  sftp.download!('ruby up', "#{here}/down")
  if version >= 3
    sftp.symlink!('link', 'ruby up')
    answer = sftp.readlink!('link')
    puts "link #{answer.respond_to?(:name) ? answer.name : answer}"
  end
  sftp.mkdir!('d')
  puts "entries #{sftp.dir.entries('.').map(&:name).sort.join('|')}"
  puts "size #{sftp.stat!('ruby up').size}"
  sftp.setstat!('ruby up', permissions: 0o600)
  begin
    sftp.stat!('nothing')
  rescue Net::SFTP::StatusException => e
    puts "missing #{e.code}"
  end
  version >= 2 ? sftp.rename!('ruby up', 'renamed') : ssh.scp.upload!("#{here}/up", 'renamed')
  sftp.rmdir!('d')
  ssh.scp.upload!("#{here}/up", "scp up's")
  ssh.scp.download!("scp up's", "#{here}/scp down")
  ssh.scp.upload!("#{here}/tree", 'scp tree', recursive: true, preserve: true)
  ssh.scp.download!('scp tree', "#{here}/tree down", recursive: true, preserve: true)
  sftp.remove!('renamed')
end
puts 'done'
