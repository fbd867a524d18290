/*
 * Telnet (chr/telnet.h). Must not know of sockets.
 */
#include "chr/telnet.h"

enum { SE = 240, BREAK = 243, SB = 250, WILL = 251, DONT = 254, IAC = 255, DO = 253 };
enum { OPT_BINARY = 0, OPT_ECHO = 1, OPT_SGA = 3 };
enum { DATA, COMMAND, OPTION, SUB, SUB_IAC };

const uint8_t telnet_hello[12] = {IAC, WILL, OPT_ECHO,   IAC, WILL, OPT_SGA,
                                  IAC, WILL, OPT_BINARY, IAC, DO,   OPT_BINARY};

size_t telnet_decode(struct telnet *t, uint8_t *data, size_t size, unsigned *breaks)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        uint8_t b = data[i];

        switch (t->state) {
        case DATA:
            if (b == IAC)
                t->state = COMMAND;
            else
                data[n++] = b;
            break;
        case COMMAND:
            t->state = DATA;
            if (b == IAC)
                data[n++] = b;
            else if (b == BREAK)
                ++*breaks;
            else if (b == SB)
                t->state = SUB;
            else if (b >= WILL && b <= DONT)
                t->state = OPTION;
            break;
        case OPTION:
            t->state = DATA;
            break;
        case SUB:
            if (b == IAC)
                t->state = SUB_IAC;
            break;
        default:
            t->state = b == SE ? DATA : SUB;
            break;
        }
    }
    return n;
}
