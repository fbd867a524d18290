/* Handlers, masks, restart and interruption of calls, siginfo, suspend, wait, reset. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t count, last, last_code;
static volatile int last_value;
static int pipe_fd[2];

static void on_info(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    count++;
    last = sig;
    last_code = info->si_code;
    last_value = info->si_value.sival_int;
    CHECK(uc != NULL);
}

static void on_plain(int sig)
{
    count++;
    last = sig;
}

static void feed_pipe(int sig)
{
    (void)sig;
    CHECK(write(pipe_fd[1], "x", 1) == 1);
}

static void set(int sig, void *handler, int flags)
{
    struct sigaction sa = {.sa_flags = flags};

    if (flags & SA_SIGINFO)
        sa.sa_sigaction = handler;
    else
        sa.sa_handler = handler;
    sigemptyset(&sa.sa_mask);
    CHECK(sigaction(sig, &sa, NULL) == 0);
}

static void alarm_in(int ms)
{
    struct itimerval it = {{0, 0}, {0, ms * 1000}};

    CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0);
}

static void masks(void)
{
    sigset_t set_, old, pending;

    sigemptyset(&set_);
    sigaddset(&set_, SIGUSR1);
    sigaddset(&set_, SIGRTMIN + 1);
    CHECK(sigprocmask(SIG_BLOCK, &set_, &old) == 0);
    count = 0;
    raise(SIGUSR1);
    raise(SIGUSR1);
    for (int i = 0; i < 3; i++)
        CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i}) == 0);
    sigpending(&pending);
    printf("blocked: count %d pending %d %d\n", (int)count, sigismember(&pending, SIGUSR1),
           sigismember(&pending, SIGRTMIN + 1));
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
    printf("unblocked: count %d value %d\n", (int)count, last_value);
}

static void interrupted(void)
{
    char c;
    ssize_t got;

    CHECK(pipe(pipe_fd) == 0);
    set(SIGALRM, on_plain, 0);
    alarm_in(30);
    got = read(pipe_fd[0], &c, 1);
    printf("no restart: %d %s\n", (int)got, got < 0 && errno == EINTR ? "EINTR" : "?");
    set(SIGALRM, feed_pipe, SA_RESTART);
    alarm_in(30);
    got = read(pipe_fd[0], &c, 1);
    printf("restart: %d %c\n", (int)got, c);
}

static void suspend(void)
{
    sigset_t block, none, old;
    struct timespec ts = {5, 0};
    siginfo_t info;
    int sig;

    sigemptyset(&none);
    sigemptyset(&block);
    sigaddset(&block, SIGALRM);
    set(SIGALRM, on_plain, SA_RESTART);
    sigprocmask(SIG_BLOCK, &block, &old);
    count = 0;
    alarm_in(20);
    CHECK(sigsuspend(&none) == -1 && errno == EINTR);
    printf("sigsuspend: %d\n", (int)count);
    alarm_in(20);
    sig = sigtimedwait(&block, &info, &ts);
    printf("sigtimedwait: %s code %d count %d\n", sig == SIGALRM ? "SIGALRM" : "?", info.si_code,
           (int)count);
    ts.tv_sec = 0;
    ts.tv_nsec = 1000000;
    sig = sigtimedwait(&block, &info, &ts);
    printf("timeout: %d %s\n", sig, errno == EAGAIN ? "EAGAIN" : "?");
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void nested(int sig)
{
    static volatile int depth;

    depth++;
    if (depth < 5)
        raise(sig);
    count = depth;
}

static volatile double sink;

static void clobber(int sig)
{
    sink = 0;
    for (int i = 1; i < 50; i++)
        sink += 1.0 / i * sig;
    count++;
}

/* Registers survive handlers that arrive at any instruction. */
static void storm(void)
{
    struct itimerval it = {{0, 500}, {0, 500}}, off = {{0, 0}, {0, 0}};
    unsigned long long h = 1;
    double d = 0;

    set(SIGALRM, clobber, SA_RESTART);
    count = 0;
    setitimer(ITIMER_REAL, &it, NULL);
    for (unsigned i = 0; i < 3000000 || count < 20; i++) {
        if (i < 3000000) {
            h = h * 6364136223846793005ull + i;
            d += (double)(h >> 40) * 0.5;
        }
    }
    setitimer(ITIMER_REAL, &off, NULL);
    printf("storm: %llx %.1f\n", h, d);
}

static void children(void)
{
    int status;
    pid_t pid;

    set(SIGCHLD, on_info, SA_SIGINFO | SA_RESTART);
    count = 0;
    pid = fork();
    if (pid == 0)
        _exit(7);
    CHECK(waitpid(pid, &status, 0) == pid);
    printf("child: %d exited %d, signal %d code %d\n", (int)count, WEXITSTATUS(status),
           last == SIGCHLD, (int)last_code == CLD_EXITED);
    pid = fork();
    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        kill(getpid(), SIGTERM);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    printf("killed: %d %d\n", WIFSIGNALED(status), WTERMSIG(status));
    pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(9);
    }
    waitpid(pid, &status, WUNTRACED);
    printf("stopped: %d\n", WIFSTOPPED(status));
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    printf("went on: %d\n", WEXITSTATUS(status));
    signal(SIGCHLD, SIG_IGN);
    pid = fork();
    if (pid == 0)
        _exit(0);
    CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
    struct sigaction sa;
    sigset_t all;

    set(SIGUSR1, on_info, SA_SIGINFO);
    set(SIGRTMIN + 1, on_info, SA_SIGINFO);
    raise(SIGUSR1);
    printf("raise: %d %d code %d\n", (int)count, last == SIGUSR1, (int)last_code);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42});
    printf("queue: %d code %d value %d\n", (int)count, (int)last_code, last_value);
    masks();
    interrupted();
    suspend();
    set(SIGUSR2, nested, SA_NODEFER);
    raise(SIGUSR2);
    printf("nested: %d\n", (int)count);
    set(SIGUSR2, on_plain, SA_RESETHAND);
    raise(SIGUSR2);
    sigaction(SIGUSR2, NULL, &sa);
    printf("reset: %d\n", sa.sa_handler == SIG_DFL);
    storm();
    children();
    CHECK(sigaction(SIGKILL, NULL, &sa) == 0);
    sa.sa_handler = on_plain;
    CHECK(sigaction(SIGKILL, &sa, NULL) == -1 && errno == EINVAL);
    CHECK(kill(getpid(), 0) == 0);
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(kill(getpid(), SIGTERM) == 0);
    puts("end");
    return 0;
}
