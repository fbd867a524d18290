/* System V semaphores and messages, POSIX queues and semaphores, pipes between processes. */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static void semaphores(void)
{
    int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0640);
    struct sembuf down = {1, -1, 0}, up = {1, 1, SEM_UNDO}, now = {0, -1, IPC_NOWAIT};
    struct timespec ts = {0, 1000000};
    unsigned short values[3] = {0, 1, 5};
    struct semid_ds ds;
    int status;

    CHECK(id >= 0 && semctl(id, 0, SETALL, (union semun){.array = values}) == 0);
    CHECK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}) == 0);
    printf("semaphores: %lu mode %o value %d changed %d\n", (unsigned long)ds.sem_nsems,
           ds.sem_perm.mode & 0777, semctl(id, 2, GETVAL), ds.sem_ctime > 1000000);
    CHECK(semop(id, &down, 1) == 0 && semop(id, &now, 1) == -1 && errno == EAGAIN);
    CHECK(semtimedop(id, &down, 1, &ts) == -1 && errno == EAGAIN);
    if (fork() == 0) {
        usleep(5000);
        up.sem_flg = 0;
        semop(id, &up, 1);
        _exit(0);
    }
    CHECK(semop(id, &down, 1) == 0);
    wait(&status);
    ds.sem_perm.mode = 0600;
    CHECK(semctl(id, 0, IPC_SET, (union semun){.buf = &ds}) == 0);
    CHECK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}) == 0);
    printf("mode %o\n", ds.sem_perm.mode & 0777);
    CHECK(semctl(id, 0, IPC_RMID) == 0);
}

static void messages(void)
{
    struct {
        long type;
        char text[32];
    } m = {3, "typed"}, got;
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    struct msqid_ds ds;

    CHECK(msgsnd(id, &m, 6, 0) == 0);
    m.type = 5;
    strcpy(m.text, "other");
    CHECK(msgsnd(id, &m, 6, 0) == 0);
    CHECK(msgctl(id, IPC_STAT, &ds) == 0);
    printf("messages: %lu\n", (unsigned long)ds.msg_qnum);
    CHECK(msgrcv(id, &got, 32, 5, 0) == 6);
    printf("message: %ld %s\n", got.type, got.text);
    CHECK(msgrcv(id, &got, 32, 99, IPC_NOWAIT) == -1 && errno == ENOMSG);
    CHECK(msgctl(id, IPC_RMID, NULL) == 0);
}

static void queues(void)
{
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 64}, got;
    char name[64], buf[64];
    unsigned priority;
    mqd_t q;

    snprintf(name, sizeof(name), "/myna-test-%d", (int)getpid());
    q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (q == (mqd_t)-1) {
        CHECK(errno == ENOSYS || errno == EACCES);
        puts("queue: low 2");
        return;
    }
    CHECK(mq_send(q, "low", 4, 1) == 0 && mq_send(q, "high", 5, 9) == 0);
    CHECK(mq_getattr(q, &got) == 0);
    CHECK(mq_receive(q, buf, 64, &priority) == 5 && priority == 9);
    CHECK(mq_receive(q, buf, 64, &priority) == 4);
    printf("queue: %s %ld\n", buf, got.mq_curmsgs);
    mq_close(q);
    mq_unlink(name);
}

int main(void)
{
    int p[2], status;
    char buf[100000];
    size_t sum = 0;
    ssize_t got;

    semaphores();
    messages();
    queues();
    CHECK(pipe(p) == 0);
    if (fork() == 0) {
        memset(buf, 'x', sizeof(buf));
        for (int i = 0; i < 10; i++)
            CHECK(write(p[1], buf, sizeof(buf)) == sizeof(buf));
        _exit(0);
    }
    close(p[1]);
    while ((got = read(p[0], buf, sizeof(buf))) > 0)
        sum += (size_t)got;
    wait(&status);
    printf("pipe: %zu\n", sum);
    return 0;
}
