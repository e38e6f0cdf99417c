"""Which test shows which of the numbered behaviours of docs/behaviours.md.

Where ours is meant to differ the test shows ours, and docs/differences.md says why.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
BEHAVIOURS = TESTS.parent / "docs" / "behaviours.md"

HERE, SETTINGS, STATES, SUITES = ("behaviours/test_connections.py", "link/test_settings.py", "link/test_states.py",
                                  "link/test_suites.py")
LINES, LOGIN_STATES, ALGORITHMS = "link/test_framing.py", "link/test_login_states.py", "ssh/test_algorithm_settings.py"
HOST_KEYS, LOGINS, KEYS = "ssh/test_hostkeys.py", "ssh/test_logins.py", "unit/mod_sftp/keyring/test_keys.py"
SERVICE, PUBLIC_KEYS, CHAINS = (f"unit/mod_sftp/auth/test_{name}.py" for name in ("service", "publickey", "chains"))
QUIRKS, PADDING, EXCHANGES = (f"unit/mod_sftp/{name}.py" for name in (
    "test_quirks", "channel/test_padding", "crypto/test_exchanges"))
OFFER, VERIFY = "unit/mod_sftp/crypto/test_offer.py", "unit/mod_sftp/crypto/test_verify.py"
PAM, DRIVER, RULES, SYSTEM = "pam/test_server.py", "pam/test_driver.py", "login/test_rules.py", "login/test_system.py"
LOGGED, LOG_WORDS = "unit/log/test_on_a_server.py", "ssh/test_log_words.py"
UNKNOWN_MODULES = "unit/conf/test_parser.py"
CHANNELS, SSH = "link/test_channels.py", "ssh/test_sessions.py"
REQUESTS, FRAMING = "unit/mod_sftp/sftp/test_requests.py", "unit/mod_sftp/sftp/test_framing.py"
OPENING = "unit/mod_sftp/sftp/test_opening.py"
EXTENSIONS, PROGRAMS = "unit/mod_sftp/sftp/test_extensions.py", "unit/mod_sftp/sftp/test_programs.py"
MANNERS, SCP = "unit/mod_sftp/sftp/test_manners.py", "unit/mod_sftp/scp/test_scp.py"
UPLOADS, CHANGES = "unit/vfs/test_uploads.py", "unit/vfs/test_changes.py"
WORDS = "unit/mod_sftp/wire/test_words.py"
MATRIX, CLIENTS = "matrix/test_matrix.py", "interop/test_known_troubles.py"

#: number -> (file, tests in it), of which all together show the whole statement
SHOWN: dict[int, tuple[tuple[str, ...], ...]] = {
    1: (("daemon/test_start.py", "test_a_server_that_nobody_speaks_for_is_named_and_without_another_there_is_no_start"),),
    2: ((HERE, "test_2_tls_and_ssh_on_one_server_stop_the_start"),),
    3: ((HERE, "test_3_a_method_without_its_keys_stops_the_start"),),
    4: (("login/test_anonymous.py", "test_guests_read_and_drop_files_and_see_nothing_else"),),
    5: ((SETTINGS, "test_no_usable_host_key_refuses_the_session"),),
    6: ((KEYS, "test_a_bad_key_costs_only_itself"),),
    7: ((HOST_KEYS, "test_a_flag_cancels_a_key_of_global"), (KEYS, "test_flags_cancel_wherever_they_stand")),
    8: ((HOST_KEYS, "test_a_key_that_others_can_read_stops_the_start"),),
    9: ((HOST_KEYS, "test_public_and_tectia_files_are_named_as_such"),),
    10: (
        (KEYS,
         "test_encrypted_openssh_keys",
         "test_modes_sizes_and_kinds_of_files",
         "test_a_wrong_passphrase_is_asked_for_three_times"),
    ),
    11: (
        (HOST_KEYS,
         "test_the_provider_opens_an_encrypted_key_at_start",
         "test_the_terminal_is_asked_at_start",
         "test_a_provider_that_hangs_and_ignores_term_is_killed"),
    ),
    12: ((HERE, "test_12_options_of_several_lines_and_sections_add_up"),),
    13: ((SSH, "test_client_match_later_lines_override"),),
    14: ((SSH, "test_client_match_of_algorithms"), (QUIRKS, "test_algorithm_keys_make_kexinit_wait")),
    15: ((LINES, "test_comment_is_no_part_of_the_software_name"),),
    16: ((CHANNELS, "test_environment_of_the_default_list"), (SSH, "test_accepted_environment_has_wildcards_and_limits")),
    17: ((HERE, "test_17_extensions_and_rekeying_are_those_of_the_user"), (SSH, "test_channels_per_user")),
    18: (("transfers/test_manners.py", "test_protocols"),),
    19: ((HERE, "test_19_extensions_are_switched_by_signs"),),
    20: ((LOGINS, "test_key_limits_hold_for_users"), (HOST_KEYS, "test_key_limits_hold_for_host_keys")),
    21: ((HERE, "test_21_groups_are_those_of_the_file_or_of_the_rfc"),),
    22: ((LOGINS, "test_a_key_of_the_blacklist_is_refused"),),
    23: ((LOGGED, "test_a_log_that_cannot_be_opened_is_said_and_left_out", "test_allow_log_symlinks"),),
    24: ((SSH, "test_server_ident"),),
    25: ((PROGRAMS, "test_without_a_usable_character_set_names_are_bytes"),),
    26: ((HERE, "test_26_times_of_long_names_follow_timesgmt"),),
    27: ((LOGGED, "test_display_login_once_on_the_first_channel_and_the_banner_before_login"),),
    28: ((SERVICE, "test_the_banner_comes_before_the_first_answer"),),
    29: ((SSH, "test_T10_dummies_come_with_cbc_and_with_paranoia"), (PADDING, "test_policy_in_force")),
    30: ((OFFER, "test_fips_drops_what_the_table_drops"), (ALGORITHMS, "test_fips_without_a_module_is_a_clear_start_error")),
    31: ((SUITES, "test_banner_and_kexinit_leave_together"),),
    32: ((LINES, "test_version_lines_that_are_none"),),
    33: ((LINES, "test_version_lines_that_are_none"),),
    34: ((LINES, "test_version_line_with_control_characters"),),
    35: ((LINES, "test_probe_is_hung_up_on"),),
    36: ((QUIRKS, "test_known_families"),),
    37: ((LINES, "test_length_out_of_bounds_before_any_keys"),),
    38: ((LINES, "test_T10_length_and_tag_failures_read_equally_far_and_say_the_same"),),
    39: ((SUITES, "test_cipher_and_mac"),),
    40: ((SUITES, "test_cipher_and_mac"),),
    41: (("unit/mod_sftp/test_timing.py", "test_reasons_for_new_keys"),),
    42: ((HERE, "test_42_a_session_that_says_nothing_is_ended_at_once"),),
    43: ((HERE, "test_43_no_timeoutidle_is_for_ever"),),
    44: (
        (HERE, "test_44_with_a_channel_the_channel_is_asked"),
        (SETTINGS, "test_silent_client_is_asked_and_dropped", "test_client_that_answers_lives"),
    ),
    45: ((CHANNELS, "test_C9_global_requests_are_refused"),),
    46: ((LOGIN_STATES, "test_T19_after_login_only_what_is_known_acts"),),
    47: ((LOGIN_STATES, "test_T19_before_login"), (STATES, "test_T19_inside_the_first_exchange")),
    48: ((HERE, "test_48_words_of_debug_are_shown_where_they_are_meant_to_be"),),
    49: ((STATES, "test_disconnect_without_language_tag"),),
    50: (("transfers/test_timeouts.py", "test_a_timeout_ends_the_session_with_a_reason_and_a_line"),),
    51: ((PADDING, "test_nothing_while_keys_change"),),
    52: ((HERE, "test_52_a_connection_that_breaks_ends_the_session_and_the_transfer"),),
    53: ((OFFER, "test_default_lists"),),
    54: ((HOST_KEYS, "test_key_limits_hold_for_host_keys"), (SUITES, "test_host_key")),
    55: (
        (STATES, "test_T1d_a_rekey_does_not_switch_the_mode", "test_T1_no_marker_where_switched_off"),
        (SETTINGS, "test_options_switch_the_markers_off"),
    ),
    56: ((SUITES, "test_wrong_guess_is_dropped_once", "test_right_guess_is_taken"),),
    57: ((SETTINGS, "test_lines_that_administrators_know"),),
    58: ((SUITES, "test_a_language_that_nobody_speaks_is_no_matter"), (LOG_WORDS, "test_lines")),
    59: (
        (SUITES, "test_server_signature_algorithms_only_for_who_asks", "test_no_extension_information_in_a_rekey"),
        (ALGORITHMS, "test_T13_a_user_key_of_an_algorithm_that_is_off_is_refused"),
    ),
    60: ((EXCHANGES, "test_the_library_and_python_agree"),),
    61: (
        (EXCHANGES,
         "test_T11_groups_chosen",
         "test_T11_group_requests_that_are_refused",
         "test_the_old_group_request_has_one_number"),
    ),
    62: ((EXCHANGES, "test_T12_bad_public_values_end_the_session"),),
    63: ((HERE, "test_63_the_key_of_the_rsa_exchanges_is_fresh_and_large"),),
    64: (
        (LOGIN_STATES,
         "test_T20_host_keys_are_announced_and_proved_after_login",
         "test_T20_only_own_keys_and_each_once",
         "test_T20_not_before_login"),
        (HOST_KEYS, "test_rotation_can_be_switched_off"),
    ),
    65: ((HERE, "test_65_nobody_is_asked_for_new_keys_before_his_login"),),
    66: ((SETTINGS, "test_rekey_that_the_client_does_not_finish"),),
    67: (
        (STATES,
         "test_rekey_in_mid_transfer_by_the_server",
         "test_rekey_in_mid_transfer_by_the_client",
         "test_only_key_exchange_leaves_while_keys_change"),
    ),
    68: ((SSH, "test_T10_dummies_come_with_cbc_and_with_paranoia"),),
    69: ((SSH, "test_environment_and_notes_of_a_session"),),
    70: ((PAM, "test_offered_unasked_where_pam_can_vouch"), (SERVICE, "test_none_gives_the_list")),
    71: ((SERVICE, "test_a_chain_tells_partial_success_after_a_link_only"),),
    72: ((SERVICE, "test_two_links_of_keys_need_two_keys"),),
    73: ((CHAINS, "test_what_a_link_used_is_remembered"),),
    74: ((HERE, "test_74_none_runs_the_hooks_of_user_and_counts_as_nothing"),),
    75: ((SERVICE, "test_a_method_that_is_not_offered_counts"),),
    76: ((SERVICE, "test_u8_exactly_so_many_failures", "test_six_attempts_where_nothing_is_said"),),
    77: ((SERVICE, "test_a_changed_name_ends_the_session", "test_another_service_ends_the_session"),),
    78: ((PUBLIC_KEYS, "test_the_signature_covers_the_name_as_sent"),),
    79: ((ALGORITHMS, "test_cipher_none_needs_a_word_for_passwords"),),
    80: ((ALGORITHMS, "test_cipher_none_needs_a_word_for_passwords"),),
    81: (("pam/test_password_change.py", "test_the_password_is_changed_and_the_user_is_in"),),
    82: ((SERVICE, "test_commands_in_the_log_are_those_of_the_real_server"),),
    83: ((SERVICE, "test_commands_in_the_log_are_those_of_the_real_server"),),
    84: (
        (PUBLIC_KEYS,
         "test_an_algorithm_that_is_switched_off_fails_before_any_look_up",
         "test_t4_names_that_do_not_fit_the_blob_fail"),
    ),
    85: ((PUBLIC_KEYS, "test_rsa_keys_sign_with_sha2_names", "test_t4_malformed_signatures_fail"),),
    86: ((HERE, "test_86_a_key_that_is_refused_is_in_the_log"),),
    87: ((HERE, "test_86_a_key_that_is_refused_is_in_the_log"),),
    88: ((LOGINS, "test_stores_of_home_and_name_are_tried_in_order"), (PUBLIC_KEYS, "test_several_stores_are_tried_in_order")),
    89: (
        ("unit/mod_sftp/wire/test_keyfiles.py", "test_limits_of_headers_are_inclusive", "test_line_ends_of_all_systems"),
        ("unit/mod_sftp/auth/test_strictfiles.py", "test_what_is_no_file"),
    ),
    90: (
        ("unit/mod_sftp/auth/test_tokens.py", "test_the_servers_word_is_above_the_keys_own", "test_headers_of_a_block"),
        ("unit/mod_sftp/auth/test_keyoptions.py", "test_subject_binds_only_when_asked"),
    ),
    91: ((VERIFY, "test_rsa_signatures_shorter_and_longer_than_the_modulus"),),
    92: ((SYSTEM, "test_an_account_that_has_expired"),),
    93: (
        ("unit/mod_sftp/auth/test_hostbased.py",
         "test_the_name_is_that_of_the_address_where_names_are_looked_up",
         "test_the_signature_covers_the_host"),
    ),
    94: (("login/test_same_verdicts.py", "test_rules_one_by_one"), (RULES, "test_a_rule_refuses_after_the_right_proof")),
    95: (("login/test_methods.py", "test_the_home_that_was_made_is_the_users"),),
    96: (("unit/session/test_sources.py", "test_a_user_of_a_name_service_has_no_shadow_and_may_use_a_key"),),
    97: ((RULES, "test_what_stays_of_root"),),
    98: ((SERVICE, "test_a_login_that_the_rules_refuse_looks_like_a_wrong_password"),),
    99: ((LOGIN_STATES, "test_T19_after_login_only_what_is_known_acts"),),
    100: ((STATES, "test_compression_that_waits_for_the_login_goes_with_the_keys_it_came_with"),),
    101: ((PAM, "test_engine_off_offers_nothing"),),
    102: ((PAM, "test_another_method_in_the_middle_takes_over"),),
    103: ((DRIVER, "test_items_and_environment_pass_both_ways", "test_no_terminal_with_notty"),),
    104: ((DRIVER, "test_no_info_messages_when_they_are_switched_off"),),
    105: ((DRIVER, "test_u6_text_between_questions_moves_no_answer"),),
    106: (
        (PAM, "test_u5_the_session_is_opened_and_closed_once_as_root"),
        (DRIVER, "test_the_session_is_closed_as_root_whatever_ended_it"),
    ),
    107: ((DRIVER, "test_an_expired_password_is_changed_in_the_conversation", "test_an_expired_account_is_refused"),),
    108: ((DRIVER, "test_a_name_longer_than_the_system_knows_is_declined"),),
    109: ((PAM, "test_t5_a_wrong_number_of_answers_ends_the_session"),),
    110: ((CHANNELS, "test_C5_channels_are_limited", "test_C9_other_channels_are_refused"),),
    111: ((CHANNELS, "test_C2_input_behind_a_shut_window_is_bounded"),),
    112: ((CHANNELS, "test_C2_over_our_window_is_an_error", "test_C8_data_after_eof_is_no_loop"),),
    113: ((CHANNELS, "test_C8_window_beyond_the_largest"),),
    114: ((CHANNELS, "test_C9_other_requests_are_refused"),),
    115: ((CHANNELS, "test_C6_signals_do_nothing"),),
    116: ((CHANNELS, "test_end_of_a_channel_in_order"),),
    117: ((SCP, "test_d_needs_a_directory"), ("interop/test_openssh.py", "test_date_tells_the_time_of_the_server")),
    118: ((CHANNELS, "test_C1_window_of_one_byte_makes_progress"),),
    119: (
        ("interop/test_openssh.py", "test_no_shell"),
        (CHANNELS, "test_T15_scp_without_arguments"),
        (WORDS, "test_words_are_those_of_a_shell"),
    ),
    120: (
        ("interop/test_openssh.py", "test_date_tells_the_time_of_the_server"),
        ("transfers/test_manners.py", "test_protocols"),
    ),
    121: ((FRAMING, "test_limits_of_the_version_hold", "test_the_version_is_the_lower_one"),),
    122: ((FRAMING, "test_a_second_init_changes_nothing"),),
    123: (
        (EXTENSIONS,
         "test_announcements",
         "test_announcements_stand_in_the_order_of_the_real_server",
         "test_supported_of_version_5",
         "test_supported2_of_version_6"),
    ),
    124: ((EXTENSIONS, "test_version_select_otherwise_ends_the_channel", "test_version_select_directly_after_init"),),
    125: ((PROGRAMS, "test_names_are_utf8_from_version_4_and_local_on_disk"),),
    126: ((REQUESTS, "test_an_unknown_owner_is_named_in_the_answer"), (FRAMING, "test_unknown_types_are_unsupported")),
    127: ((MANNERS, "test_127_errors_of_the_kernel_by_version"),),
    128: ((MANNERS, "test_128_a_wrong_handle_has_a_code_that_the_version_knows"),),
    129: ((FRAMING, "test_handles_cannot_be_guessed"),),
    130: ((MANNERS, "test_130_long_names_look_like_ls"),),
    131: (
        (REQUESTS, "test_attributes_are_told_in_the_version_s_own_layout"),
        ("unit/mod_sftp/wire/test_attrs.py", "test_layouts"),
    ),
    132: ((REQUESTS, "test_attributes_that_we_do_not_set_are_read_off_the_wire"),),
    133: ((REQUESTS, "test_an_unknown_owner_is_named_in_the_answer"),),
    134: ((EXTENSIONS, "test_extended_attributes", "test_extended_attributes_may_be_hidden"),),
    135: ((MANNERS, "test_135_times_that_nobody_asked_for"),),
    136: ((MANNERS, "test_136_the_empty_path_is_where_the_login_began"),),
    137: ((PROGRAMS, "test_an_upload_in_the_logs", "test_what_an_open_acts_as"),),
    138: ((MANNERS, "test_138_fifos_do_not_hang_and_may_be_refused"),),
    139: ((OPENING, "test_attributes_of_an_open_are_for_new_files_only"),),
    140: (
        (OPENING,
         "test_access_that_is_not_supported",
         "test_locks_at_open_are_not_supported",
         "test_open_dispositions_of_version_6"),
    ),
    141: ((MATRIX, "test_overwrite_off_keeps_files_on_every_road_a10_21", "test_store_restart_off_refuses_to_append"),),
    142: (
        (UPLOADS, "test_a_mode_needs_what_site_chmod_needs"),
        (OPENING, "test_attributes_of_an_open_are_for_new_files_only"),
    ),
    143: ((UPLOADS, "test_the_umask_of_the_place_holds_for_files_and_directories"),),
    144: ((UPLOADS, "test_owners"),),
    145: ((UPLOADS, "test_a_link_is_written_through_at_its_target"),),
    146: ((MANNERS, "test_146_a_write_of_nothing_is_a_write"),),
    147: ((REQUESTS, "test_a_refused_upload_says_so_and_leaves_the_file"),),
    148: ((REQUESTS, "test_too_large_is_refused_before_it_is_written"),),
    149: ((REQUESTS, "test_growing_files_can_be_followed"),),
    150: ((FRAMING, "test_F3_read_sizes_are_capped"),),
    151: (
        (PROGRAMS, "test_an_upload_in_the_logs"),
        (UPLOADS, "test_without_allow_overwrite_a_name_that_appears_meanwhile_stays"),
    ),
    152: (
        (REQUESTS, "test_what_is_open_when_the_channel_goes_is_logged_as_broken"),
        ("transfers/test_manners.py", "test_promise_05_what_a_broken_upload_leaves_is_one_table"),
    ),
    153: (("transfers/test_manners.py", "test_hidden_stores_show_the_name_when_all_is_there"),),
    154: ((CHANGES, "test_making_a_directory_that_is_there_is_success"),),
    155: ((MANNERS, "test_155_remove_is_for_files_and_rmdir_for_directories"), (CHANGES, "test_removing_directories")),
    156: (
        (REQUESTS, "test_rename_replaces_when_the_flags_ask_and_policy_allows", "test_rename_refuses_an_existing_target"),
        (CHANGES, "test_a_name_is_not_renamed_to_itself"),
    ),
    157: ((CHANGES, "test_across_disks_directories_stay", "test_f7_across_disks_links_are_moved_as_links"),),
    158: ((REQUESTS, "test_symlink_takes_the_order_of_the_client", "test_link_of_version_6"),),
    159: ((CLIENTS, "test_3_links_keep_their_text"), ("unit/vfs/test_view.py", "test_f10_links_inside_a_chroot")),
    160: ((REQUESTS, "test_realpath_6_control_byte", "test_realpath_6_always_fails_without_the_file"),),
    161: ((REQUESTS, "test_realpath_answers_for_a_name_about_to_be_made"),),
    162: (("unit/vfs/test_view.py", "test_stat_follows_and_lstat_does_not"),),
    163: ((PROGRAMS, "test_deny_listing_is_an_empty_directory", "test_limits_of_listings"),),
    164: (
        (REQUESTS, "test_version_6_says_where_a_directory_ends"),
        ("unit/vfs/test_access.py", "test_entries_that_may_not_be_listed_are_left_out"),
        ("unit/vfs/test_directories.py", "test_fakes"),
    ),
    165: (("unit/vfs/test_directories.py", "test_what_vanishes_meanwhile_does_no_harm"),),
    166: ((PROGRAMS, "test_ignored_attributes_are_answered_ok"), (REQUESTS, "test_setstat_stops_at_the_first_failure")),
    167: ((MANNERS, "test_167_fsetstat_of_size_0_empties_a_file"),),
    168: ((REQUESTS, "test_locks_conflict_between_channels"),
          ("behaviours/test_locks.py", "test_ranges_conflict_where_they_meet", "test_other_programs_see_the_locks")),
    169: ((PROGRAMS, "test_extensions_in_the_logs"),),
    170: ((EXTENSIONS, "test_copy_file"),),
    171: (
        (EXTENSIONS,
         "test_check_file_refusals",
         "test_check_file_by_handle",
         "test_check_file_by_name_in_blocks",
         "test_check_file_needs_read"),
    ),
    172: (
        (PROGRAMS, "test_old_openssh_hears_of_small_limits"),
        (EXTENSIONS, "test_limits"),
        ("behaviours/test_large_and_many.py", "test_as_many_handles_as_limits_announces"),
    ),
    173: ((EXTENSIONS, "test_statvfs", "test_space_available"),),
    174: ((EXTENSIONS, "test_users_and_groups_by_id"),),
    175: ((EXTENSIONS, "test_home_directory_tells_of_oneself_alone"),),
    176: ((EXTENSIONS, "test_unknown_extensions_are_unsupported"),),
    177: ((SCP, "test_command_lines_that_are_refused", "test_flags_may_stand_together_and_unknown_ones_are_ignored"),),
    178: ((SCP, "test_178_where_an_upload_goes"),),
    179: (
        (SCP,
         "test_the_client_may_refuse_a_file",
         "test_a_fatal_answer_ends_it",
         "test_trouble_with_one_file_does_not_stop_the_next"),
    ),
    180: ((SCP, "test_a_shorter_file_replaces_a_longer_one"),),
    181: ((SCP, "test_directories_get_their_mode_and_times_when_left"),),
    182: (
        (SCP,
         "test_wildcards_on_downloads_only",
         "test_trouble_with_one_file_does_not_stop_the_next",
         "test_globbing_can_be_off"),
    ),
    183: ((SCP, "test_uploads_obey_the_rules_of_uploads", "test_an_upload_cut_short_is_reported"),),
    184: (("transfers/test_timeouts.py", "test_an_open_file_whose_bytes_move_is_not_stalled"),),
    185: (("transfers/test_timeouts.py", "test_a_timeout_ends_the_session_with_a_reason_and_a_line"),),
    186: (
        (HERE, "test_186_who_is_too_many_is_told_by_disconnect_12"),
        ("login/test_limits.py", "test_a_session_too_many_is_disconnected_and_a_place_becomes_free_again"),
    ),
    187: ((UNKNOWN_MODULES, "test_a_directive_of_a_module_that_only_the_c_server_has"),),
    188: (
        (HERE, "test_188_a_transfer_shows_in_the_title_and_to_ftpwho"),
        ("transfers/test_manners.py", "test_transfer_rate_slows_its_transfer_and_no_other_channel"),
    ),
    189: ((UNKNOWN_MODULES, "test_a_directive_of_a_module_that_only_the_c_server_has"),),
    190: ((HERE, "test_197_protocols_paths_and_bytes_in_the_log"),),
    191: ((LOGGED, "test_every_class_and_filter_chooses_its_commands"),),
    192: ((PROGRAMS, "test_an_upload_in_the_logs"),),
    193: ((LOGGED, "test_transfers_beside_each_other_have_totals_of_their_own"),),
    194: ((SERVICE, "test_commands_in_the_log_are_those_of_the_real_server"),),
    195: ((LOGGED, "test_every_class_and_filter_chooses_its_commands"),),
    196: (("unit/log/test_xferlog.py", "test_lines"),),
    197: ((HERE, "test_197_protocols_paths_and_bytes_in_the_log"),),
    198: ((LOG_WORDS, "test_lines"),),
    199: ((LOG_WORDS, "test_lines"),),
    200: (
        (HERE, "test_197_protocols_paths_and_bytes_in_the_log"),
        ("transfers/test_manners.py", "test_hidden_stores_show_the_name_when_all_is_there"),
    ),
}


def test_the_index_has_every_number() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", BEHAVIOURS.read_text(), re.MULTILINE)]
    assert numbers == list(range(1, 201)) == list(SHOWN)


@pytest.mark.parametrize("number", SHOWN)
def test_every_behaviour_has_its_test(number: int) -> None:
    for file, *names in SHOWN[number]:
        text = (TESTS / file).read_text()
        for name in names:
            assert re.search(rf"^ *(async )?def {name}\(", text, re.MULTILINE), f"{file} has no {name}"
