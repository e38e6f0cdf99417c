/* A PAM module that mixes text and questions in one conversation call, as few real ones do, and looks at the answers. */
#include <stdlib.h>
#include <string.h>

struct pam_message { int style; const char *text; };
struct pam_response { char *text; int code; };
struct pam_conv {
    int (*conv)(int, const struct pam_message **, struct pam_response **, void *);
    void *data;
};
extern int pam_get_item(const void *handle, int item, const void **value);

enum { OFF = 1, ON = 2, ERROR = 3, INFO = 4, CONV = 5, SUCCESS = 0, AUTH_ERR = 7, CONV_ERR = 19 };

int pam_sm_authenticate(void *handle, int flags, int argc, const char **argv)
{
    const struct pam_message messages[4] = {
        {INFO, "please answer"}, {OFF, "hidden: "}, {ERROR, "something is odd"}, {ON, "shown: "}};
    const struct pam_message *table[4] = {&messages[0], &messages[1], &messages[2], &messages[3]};
    struct pam_response *answers = NULL;
    const void *item = NULL;
    if (pam_get_item(handle, CONV, &item) != SUCCESS || item == NULL)
        return CONV_ERR;
    const struct pam_conv *conv = item;
    if (conv->conv(4, table, &answers, conv->data) != SUCCESS || answers == NULL)
        return CONV_ERR;
    int right = answers[0].text == NULL && answers[2].text == NULL && answers[1].text && answers[3].text
        && strcmp(answers[1].text, "secret") == 0 && strcmp(answers[3].text, "public") == 0;
    for (int i = 0; i < 4; i++)
        free(answers[i].text);
    free(answers);
    return right ? SUCCESS : AUTH_ERR;
}

int pam_sm_setcred(void *handle, int flags, int argc, const char **argv)
{
    return SUCCESS;
}
