/* A PAM module that takes its process with it. */
#include <stdlib.h>

int pam_sm_authenticate(void *handle, int flags, int count, const char **words) { abort(); }
int pam_sm_setcred(void *handle, int flags, int count, const char **words) { return 0; }
int pam_sm_acct_mgmt(void *handle, int flags, int count, const char **words) { abort(); }
int pam_sm_open_session(void *handle, int flags, int count, const char **words) { abort(); }
int pam_sm_close_session(void *handle, int flags, int count, const char **words) { return 0; }
