#!/bin/bash
# A machine of its own for systemd, as process 1: run in new namespaces by tests/servers/systemd.py. Nothing that it
# mounts or writes is seen outside of them.
#   $1 the repository  $2 Python's prefix  $3 the prefix of the virtual environment  $4 the program below the prefix
set -e
mount --make-rprivate /
mount -t proc proc /proc
for folder in /run /mnt /opt /var/backups; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
# /etc and /var/lib are copies; of the units of this machine none is wanted, and nothing is generated.
mkdir -p /run/lock /run/systemd /mnt/etc /mnt/lib
cp -a /etc/. /mnt/etc/ 2>/dev/null || true
rm -rf /mnt/etc/systemd/system/*.wants /mnt/etc/systemd/system/*.requires /mnt/etc/fstab
mount --bind /mnt/etc /etc
mount --bind /mnt/lib /var/lib
for folder in /lib/systemd/system-generators /lib/systemd/system/*.wants; do mount -t tmpfs tmpfs "$folder"; done
# The program where the units look for it. `sau` is what pip would make: Python with our packages.
mkdir -p /opt/sau/.venv/bin /opt/repository /opt/python /opt/venv
mount --bind "$1" /opt/repository
mount --bind "$2" /opt/python
mount --bind "$3" /opt/venv
for each in /opt/repository/*; do ln -s "$each" /opt/sau/; done
rm -f /opt/sau/var
cat > /opt/sau/.venv/bin/sau <<PROGRAM
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/sau:\$(echo /opt/venv/lib/python3*/site-packages) PYTHONDONTWRITEBYTECODE=1
exec /opt/python/$4 -m sau "\$@"
PROGRAM
chmod 755 /opt/sau/.venv/bin/sau
cp /opt/repository/deploy/systemd/*.service /opt/repository/deploy/systemd/*.timer /etc/systemd/system/
systemd-sysusers /opt/repository/deploy/systemd/sysusers.conf
systemd-tmpfiles --create /opt/repository/deploy/systemd/tmpfiles.conf
# There is no journal here: what the units say goes to a file.
for unit in /opt/repository/deploy/systemd/*.service; do
    mkdir -p "/etc/systemd/system/$(basename "$unit").d"
    printf '[Service]\nStandardOutput=append:/run/sau.log\nStandardError=append:/run/sau.log\n' \
        > "/etc/systemd/system/$(basename "$unit").d/log.conf"
done
ip link set lo up
# Of the machine's control groups only the group that this began in.
umount -l /sys/fs/cgroup
mount -t tmpfs tmpfs /sys/fs/cgroup
if [ "$5" = unified ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
    mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
fi
export container=sau
exec /lib/systemd/systemd --log-level=info --log-target=console --show-status=no --unit=basic.target
