/*
 * Owns putting a program into memory: segments, zeroed tails, the dynamic linker, the break.
 * Must not know the stack's layout (stack.c) nor a guest's registers.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/lx.h"

enum { HEAD_SIZE = 4096 };

/* Reads and checks the headers of fd. */
static int read_image(int fd, struct elf_image *image, struct err *e)
{
    uint8_t first[HEAD_SIZE], *head = first;
    uint64_t interp_at, interp_size;
    char interp[ELF_INTERP_MAX];
    struct stat st;
    size_t wanted;
    ssize_t got;
    int ret;

    if (fstat(fd, &st) < 0)
        return err_set(e, errno, "cannot read the program");
    got = pread(fd, first, sizeof(first), 0);
    if (got < 0)
        return err_set(e, errno, "cannot read the program");
    wanted = elf_wanted(first, (size_t)got);
    if (wanted > (size_t)got) {
        head = mem_alloc(wanted);
        got = pread(fd, head, wanted, 0);
        if (got < 0)
            got = 0;
    }
    ret = elf_parse(image, head, (size_t)got, (uint64_t)st.st_size, &interp_at, &interp_size, e);
    if (ret == 0 && interp_size) {
        if (pread(fd, interp, interp_size, (off_t)interp_at) != (ssize_t)interp_size)
            ret = err_text(e, ENOEXEC, "the name of the program's dynamic linker is cut off");
        else
            ret = elf_set_interp(image, interp, interp_size, e);
    }
    if (head != first)
        free(head);
    return ret;
}

/* Reserves the hull; returns what to add to the file's addresses. */
static int reserve(struct lx_proc *p, const struct elf_image *image, uint64_t hint, uint64_t *base,
                   struct err *e)
{
    uint64_t size = image->high - image->low, want = image->low;
    void *got;

    if (image->pie) {
        want = hint ? (hint & ~(image->align - 1)) + image->low % image->align
                    : lx_map_gap(&p->map, p->map.top, size, image->align);
    }
    if (want < LX_PAGE_SIZE)
        return err_text(e, ENOMEM, "no room for the program's %llu MB",
                        (unsigned long long)size >> 20);
    for (int attempt = 0; attempt < 64; attempt++) {
        got = mmap((void *)want, size, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (got != MAP_FAILED && got != (void *)want) {
            munmap(got, size); /* a kernel before 4.17 takes the flag for a hint */
            got = MAP_FAILED;
        }
        if (got != MAP_FAILED || !image->pie)
            break;
        want = hint ? want + (UINT64_C(1) << 36) : lx_map_gap(&p->map, want, size, image->align);
    }
    if (got == MAP_FAILED)
        return err_text(e, ENOMEM,
                        "the program wants addresses 0x%llx to 0x%llx, which are not free here"
                        " (vm.mmap_min_addr, or a limit on address space?)",
                        (unsigned long long)want, (unsigned long long)(want + size));
    lx_map_set(&p->map, want, want + size, PROT_NONE, 0);
    *base = want - image->low;
    return 0;
}

static int map_segment(struct lx_proc *p, const struct elf_segment *s, uint64_t base, int fd,
                       struct err *e)
{
    uint64_t start = (base + s->vaddr) & ~LX_PAGE_MASK, skew = s->vaddr & LX_PAGE_MASK;
    uint64_t file_end = base + s->vaddr + s->filesz, end = base + s->vaddr + s->memsz;
    uint64_t anon = (file_end + LX_PAGE_MASK) & ~LX_PAGE_MASK;
    uint64_t page_end = (end + LX_PAGE_MASK) & ~LX_PAGE_MASK;
    int prot = lx_prot_host(s->prot);

    if (s->filesz) {
        if (mmap((void *)start, s->filesz + skew, prot, MAP_PRIVATE | MAP_FIXED, fd,
                 (off_t)(s->offset - skew)) == MAP_FAILED)
            return err_set(e, errno, "cannot map the program");
    } else {
        const struct lx_region *r = lx_map_from(&p->map, start);

        anon = start; /* but for a first page that the segment before ends in */
        if (r && r->start <= start && r->prot != PROT_NONE)
            anon += LX_PAGE_SIZE;
    }
    if (page_end > anon && mmap((void *)anon, page_end - anon, prot,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return err_set(e, errno, "cannot map the program's variables");
    if (s->filesz && end > file_end && file_end < anon) {
        /* The tail of the last page comes from the file and has to be zero, whatever the
         * protection; the kernel ignores it where it cannot write. */
        if (!(prot & PROT_WRITE) &&
            mprotect((void *)(anon - LX_PAGE_SIZE), LX_PAGE_SIZE, PROT_READ | PROT_WRITE) < 0)
            return err_set(e, errno, "cannot clear the program's variables");
        memset((void *)file_end, 0, min_of(anon, page_end) - file_end);
        if (!(prot & PROT_WRITE))
            mprotect((void *)(anon - LX_PAGE_SIZE), LX_PAGE_SIZE, prot);
    }
    lx_map_set(&p->map, start, max_of(anon, page_end), s->prot, 0);
    trace(LOG_LOAD, "segment %llx-%llx prot %u", (unsigned long long)start,
          (unsigned long long)page_end, s->prot);
    return 0;
}

static int map_image(struct lx_proc *p, const struct elf_image *image, int fd, uint64_t hint,
                     uint64_t *base, struct err *e)
{
    int ret = reserve(p, image, hint, base, e);

    for (unsigned i = 0; i < image->nsegments && ret == 0; i++)
        ret = map_segment(p, &image->segments[i], *base, fd, e);
    return ret;
}

/* Holes between segments are not mapped in the guest's eyes. */
static void drop_holes(struct lx_proc *p, const struct elf_image *image, uint64_t base)
{
    for (unsigned i = 0; i + 1 < image->nsegments; i++) {
        const struct elf_segment *s = &image->segments[i];
        uint64_t end = (base + s->vaddr + s->memsz + LX_PAGE_MASK) & ~LX_PAGE_MASK;
        uint64_t next = (base + image->segments[i + 1].vaddr) & ~LX_PAGE_MASK;

        if (end < next)
            lx_mem_unmap(p, end, next - end);
    }
}

static int check_machine(const struct lx_proc *p, const struct elf_image *image, const char *what,
                         struct err *e)
{
    char buf[32];

    if (image->machine == p->isa->elf_machine && image->bits == p->isa->bits &&
        image->big_endian == p->isa->big_endian)
        return 0;
    return err_text(e, ENOEXEC, "%s is a %s-bit %s-endian %s program, not %s", what,
                    image->bits == 64 ? "64" : "32", image->big_endian ? "big" : "little",
                    elf_machine_name(image->machine, buf), p->isa->name);
}

static int load_interp(struct lx_proc *p, struct lx_program *prog, struct err *e)
{
    char buf[LX_PATH_MAX];
    const char *path = lx_path_host(p, prog->elf.interp, buf);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int ret;

    if (fd < 0 && errno == ENOENT)
        return err_text(e, ENOENT,
                        "the program's dynamic linker %s does not exist%s%s; give the folder that "
                        "holds the guest's libraries by -L SYSROOT or MYNA_SYSROOT",
                        prog->elf.interp, p->sysroot ? " here nor in " : "",
                        p->sysroot ? p->sysroot : "");
    if (fd < 0)
        return err_set(e, errno, "cannot open the program's dynamic linker %s", path);
    ret = read_image(fd, &prog->interp, e);
    if (ret == 0)
        ret = check_machine(p, &prog->interp, path, e);
    if (ret == 0)
        ret = map_image(p, &prog->interp, fd, 0, &prog->interp_base, e);
    else
        err_prefix(e, "dynamic linker %s", path);
    if (ret == 0)
        drop_holes(p, &prog->interp, prog->interp_base);
    close(fd);
    return ret;
}

static uint64_t random_pages(const struct lx_proc *p, uint64_t pages)
{
    uint64_t r = 0;

    if ((p->personality & 0x0040000) || /* ADDR_NO_RANDOMIZE */
        getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
        return 0;
    return r % pages * LX_PAGE_SIZE;
}

static void note_layout(struct lx_proc *p, const struct lx_program *prog)
{
    for (unsigned i = 0; i < prog->elf.nsegments; i++) {
        const struct elf_segment *s = &prog->elf.segments[i];

        if (s->prot & PROT_EXEC && !p->code_start) {
            p->code_start = prog->base + s->vaddr;
            p->code_end = p->code_start + s->filesz;
        }
        if (s->prot & PROT_WRITE) {
            p->data_start = prog->base + s->vaddr;
            p->data_end = p->data_start + s->filesz;
        }
    }
}

int lx_load(struct lx_proc *p, struct lx_program *prog, int fd, struct err *e)
{
    uint64_t hint = LX_PIE_BASE + random_pages(p, 1 << 16);
    int ret = read_image(fd, &prog->elf, e);

    if (ret == 0)
        ret = check_machine(p, &prog->elf, prog->path, e);
    if (ret)
        return ret;
    p->map.top -= random_pages(p, 1 << 16);
    /* A dynamic linker that is run as a program goes where libraries go, as the kernel does. */
    if (prog->elf.pie && !prog->elf.interp[0] && prog->elf.entry == 0)
        return err_text(e, ENOEXEC, "%s is a shared library, not a program", prog->path);
    lx_mem_lock(p);
    ret = map_image(p, &prog->elf, fd, hint, &prog->base, e);
    if (ret == 0) {
        p->brk_start = prog->base + prog->elf.high + random_pages(p, 1 << 10);
        p->brk = p->brk_start;
        drop_holes(p, &prog->elf, prog->base);
        note_layout(p, prog);
    }
    prog->entry = prog->base + prog->elf.entry;
    if (ret == 0 && prog->elf.interp[0]) {
        ret = load_interp(p, prog, e);
        prog->entry = prog->interp_base + prog->interp.entry;
    }
    lx_mem_unlock(p);
    trace(LOG_LOAD, "program at %llx, linker at %llx, entry %llx, break %llx",
          (unsigned long long)prog->base, (unsigned long long)prog->interp_base,
          (unsigned long long)prog->entry, (unsigned long long)p->brk_start);
    return ret;
}
