// SPDX-License-Identifier: EUPL-1.2

rule reverse_shell_script : backdoor
{
	meta:
		description = "Small script that connects to an address and gives it a shell"
		title_vi = "Tập lệnh mở kết nối ngược (reverse shell)"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1059/004/"
	strings:
		$bash = /\b(ba|z|k)?sh[ \t]{1,4}-i[ \t]{0,4}[0-9]?>(&|>)?[ \t]{0,4}\/dev\/tcp\/[0-9a-z.-]{4,60}\/[0-9]{2,5}/
		$exec = /exec[ \t]{1,4}[0-9]{1,3}<>[ \t]{0,4}\/dev\/tcp\/[0-9a-z.-]{4,60}\/[0-9]{2,5}/
		$fifo = /mkfifo[^\r\n]{1,60};[^\r\n]{0,80}\/bin\/(ba)?sh[ \t]{1,4}-i[^\r\n]{0,60}\|[ \t]{0,4}(nc|ncat|openssl)/
		$python1 = "os.dup2("
		$python2 = /\.connect\([ \t]{0,2}\(/
		$python3 = /(subprocess\.(call|Popen|run)|pty\.spawn)[ \t]{0,2}\([ \t]{0,2}\[?['"]\/bin\/(ba)?sh/
		$perl = /use[ \t]{1,4}Socket;[^\r\n]{0,300}exec[^\r\n]{0,6}\/bin\/(ba)?sh[ \t]{1,4}-i/
		$php = /fsockopen\([ \t]{0,2}["'][0-9a-z.-]{4,60}["'][ \t]{0,2},[ \t]{0,2}[0-9]{2,5}[^\r\n]{0,80}(exec|proc_open|shell_exec)[^\r\n]{0,10}\/bin\/(ba)?sh/
	condition:
		filesize < 64KB and (any of ($bash, $exec, $fifo, $perl, $php) or all of ($python*))
}

rule botnet_elf_iot : backdoor
{
	meta:
		description = "Program for Linux devices of the Mirai and Gafgyt families"
		title_vi = "Mã độc botnet trên thiết bị Linux (họ Mirai, Gafgyt)"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1498/"
	strings:
		$a1 = "/bin/busybox "
		$a2 = "TSource Engine Query"
		$a3 = "/dev/watchdog"
		$a4 = "/dev/misc/watchdog"
		$a5 = "POST /cdn-cgi/"
		$a6 = "/GponForm/diag_Form"
		$a7 = "/ctrlt/DeviceUpgrade_1"
		$a8 = "chmod 777 "
		$a9 = "dvrHelper"
		$b1 = "PONG!"
		$b2 = "HTTPFLOOD"
		$b3 = "UDPFLOOD" nocase
		$b4 = "KILLATTK"
		$b5 = "LOLNOGTFO"
		$b6 = "TELNET ON"
	condition:
		uint32(0) == 0x464c457f and filesize < 8MB and (4 of ($a*) or 3 of ($b*))
}
