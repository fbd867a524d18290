/*
 * The raw terminal (os/term.h). Owns one saved terminal state and the signal handlers that put it
 * back; must not know who reads the terminal.
 *
 * Handlers are installed only where a signal has its default action: an owner that came first (the
 * translator, the event loop) keeps it.
 */
#include "os/term.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* A signal handler has no argument: hence a global. */
static struct {
    int fd;
    volatile sig_atomic_t raw;
    bool prepared;
    struct termios saved, wanted;
} os_term_state = {.fd = -1};

static const int fatal_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS,
                                    SIGFPE, SIGILL, SIGXCPU, SIGXFSZ, SIGALRM, SIGUSR1, SIGUSR2};

/* Without stopping for SIGTTOU, which a background process gets for this. */
static void term_apply(const struct termios *t)
{
    sigset_t block, old;
    int saved_errno = errno;

    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    tcsetattr(os_term_state.fd, TCSANOW, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved_errno;
}

void os_term_restore(void)
{
    if (!os_term_state.raw)
        return;
    os_term_state.raw = 0;
    term_apply(&os_term_state.saved);
}

/* The action is the default again (SA_RESETHAND): a fault happens again, the others are raised. */
static void on_fatal(int sig)
{
    os_term_restore();
    raise(sig);
}

static void handle(int sig, void (*fn)(int sig), int flags)
{
    struct sigaction now, sa = {.sa_handler = fn, .sa_flags = flags};

    if (sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
        now.sa_handler == SIG_DFL)
        sigaction(sig, &sa, NULL);
}

/* Suspended: the shell's terminal; and raw again afterwards. */
static void on_stop(int sig)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL}, old;
    bool raw = os_term_state.raw;
    sigset_t set, mask;

    os_term_restore();
    sigaction(sig, &dfl, &old);
    sigemptyset(&set);
    sigaddset(&set, sig);
    raise(sig);
    pthread_sigmask(SIG_UNBLOCK, &set, &mask); /* stops here */
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(sig, &old, NULL);
    if (raw) {
        os_term_state.raw = 1;
        term_apply(&os_term_state.wanted);
    }
}

/* Continued after SIGSTOP: the shell has set its own modes meanwhile. Not from the background,
 * whose terminal belongs to another: being brought to the foreground sends SIGCONT again. */
static void on_continue(int sig)
{
    (void)sig;
    if (os_term_state.raw && tcgetpgrp(os_term_state.fd) == getpgrp())
        term_apply(&os_term_state.wanted);
}

static void prepare(void)
{
    if (os_term_state.prepared)
        return;
    os_term_state.prepared = true;
    atexit(os_term_restore);
    for (size_t i = 0; i < array_size(fatal_signals); i++)
        handle(fatal_signals[i], on_fatal, SA_RESETHAND | SA_NODEFER);
    handle(SIGTSTP, on_stop, SA_RESTART);
    handle(SIGCONT, on_continue, SA_RESTART);
}

int os_term_raw(int fd, bool signals, struct err *e)
{
    struct termios t;

    if (os_term_state.raw && os_term_state.fd != fd)
        return err_text(e, EBUSY, "only one terminal can be the machine's console");
    if (tcgetattr(fd, &t) < 0)
        return err_set(e, errno, "cannot read the terminal's modes");
    if (!os_term_state.raw)
        os_term_state.saved = t;
    t = os_term_state.saved;
    t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_oflag |= OPOST;
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | (signals ? 0 : ISIG));
    t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    os_term_state.fd = fd;
    os_term_state.wanted = t;
    prepare();
    os_term_state.raw = 1;
    term_apply(&t);
    return 0;
}
