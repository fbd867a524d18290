# Run by a guest's busybox shell, from the shared folder of the case `linux_devices`: looks at every virtio device it
# finds, by any transport and any ring, under some load. "MYNA: ok NAME" or "MYNA: bad NAME why" for each check.
# $1: where the folder is mounted; sums.txt there has the digests of the host's files.
share=$1
say() { echo "MYNA: $*"; }
check() {
    name=$1
    shift
    if "$@" >/tmp/check 2>&1; then say ok "$name"; else say bad "$name" "$(tail -n 3 /tmp/check | tr '\n' ' ')"; fi
}

# A device's feature bit, counted from 0: sysfs has one character a bit.
feature() { [ "$(cut -c $(($2 + 1)) /sys/bus/virtio/devices/$1/features)" = "$3" ]; }

# name of a disk's virtio device
virtio_of() { basename "$(readlink -f "/sys/block/$1/device")"; }

# Four writers at once, each its own quarter; then what was written is read past the cache.
disk() {
    dev=/dev/$1
    size=$(($(cat "/sys/block/$1/size") / 8192)) # MB of a quarter
    [ "$size" -gt 0 ] || return 1
    for part in 0 1 2 3; do
        taskset $((1 << part % $(nproc))) sh -c "dd if=/dev/urandom bs=1M count=$size 2>/dev/null |
            tee /tmp/$1.$part | dd of=$dev bs=64k seek=$((part * size * 16)) conv=notrunc 2>/dev/null" &
    done
    wait
    sync
    echo 3 >/proc/sys/vm/drop_caches
    blockdev --flushbufs "$dev"
    cat /tmp/$1.0 /tmp/$1.1 /tmp/$1.2 /tmp/$1.3 | cmp - "$dev" || return 1
    for part in 0 1 2 3; do
        dd if="$dev" bs=4k skip=$((part * size * 256)) count=$((size * 256)) 2>/dev/null |
            cmp - "/tmp/$1.$part" || echo "$part differs" >/tmp/differ &
    done
    wait
    rm -f /tmp/$1.?
    [ ! -e /tmp/differ ]
}

# An address by DHCP over this card alone, then a file from the host, several times at once.
network() {
    ip link set "$1" up
    udhcpc -q -n -t 5 -i "$1" -s /etc/udhcpc || return 1
    for n in 1 2 3 4; do
        { wget -q -O - "http://10.0.2.2:$port/big" | md5sum >"/tmp/net.$n"; } &
    done
    wait
    sum=$(grep ' big' "$share/sums.txt" | cut -c 1-32)
    for n in 1 2 3 4; do
        [ "$(cut -c 1-32 "/tmp/net.$n")" = "$sum" ] || return 1
    done
    ip addr flush dev "$1"
    ip link set "$1" down
}

# Trees made, renamed, linked, read and removed by several processes at once, in one shared folder.
folder() {
    (cd "$share" && md5sum -c sums.txt) || return 1
    for w in 1 2 3 4; do
        (
            set -e
            mkdir "$share/w$w"
            cd "$share/w$w"
            for i in 1 2 3 4 5 6 7 8 9 10; do
                dd if="$share/big" of="part$i" bs=256k skip=$i count=1 2>/dev/null
                ln "part$i" "hard$i"
                ln -s "part$i" "soft$i"
                mv "hard$i" "moved$i"
                cmp "soft$i" "moved$i"
                chmod 640 "part$i"
                truncate -s 1000 "part$i"
                [ "$(stat -c %s-%a "moved$i")" = 1000-640 ]
                echo more >>"part$i"
                [ "$(wc -c <"moved$i")" = 1005 ]
            done
            [ "$(ls | wc -l)" = 30 ]
            cd ..
            rm -r "w$w"
        ) || echo "$w" >/tmp/folder &
    done
    wait
    [ ! -e /tmp/folder ] && ! ls "$share" | grep -q '^w'
}

for i in $(seq 0 9); do ip link set lo up; done
port=$(cat "$share/port")
for disk in /sys/block/vd*; do
    disk=${disk##*/}
    d=$(virtio_of "$disk")
    serial=$(cat "/sys/block/$disk/serial") # says what to expect
    check "disk-$serial" disk "$disk"
    case $serial in
    packed*) check "ring-$serial" feature "$d" 34 1 ;;
    split*) check "ring-$serial" feature "$d" 34 0 ;;
    legacy*) check "ring-$serial" feature "$d" 32 0 ;;
    esac
    case $serial in
    *-queues) check "queues-$serial" [ "$(ls "/sys/block/$disk/mq" | wc -l)" = 4 ] ;;
    esac
done
for card in /sys/class/net/e*; do
    card=${card##*/}
    check "net-$(cut -c 16-17 "/sys/class/net/$card/address")" network "$card"
done
check random sh -c "echo; dd if=/dev/hwrng bs=1k count=16 2>/dev/null | [ \$(wc -c) = 16384 ]"
check folder folder
check balloon sh -c 'ls /sys/bus/virtio/drivers/virtio_balloon | grep virtio'
say interrupts "$(grep -c ITS-MSI /proc/interrupts)" "$(grep -ci 'MSI' /proc/interrupts)"
dmesg | grep -E 'BUG|Oops|lockup|[^n]stall|WARNING|rror' | head -5 | while read -r line; do say kernel "$line"; done
say done devices
