int base_placeholder(void); int base_placeholder(void){return 0;}
